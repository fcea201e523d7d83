import type { CachePlan, MethodPlan } from '../kit/method-plan.ts';
import type { ReadyCall } from '../ports/call.ts';
import { type CacheControl, cacheControlOf } from './cache-control.ts';
import { etagOf } from './etag.ts';
import { type Key, keyOf } from './key/key.ts';
import type { LanguageOf } from './key/vary.ts';
import { type Inputs, inputsOf } from './key/visible-inputs.ts';

/** The facts about a cached method that are computed once. */
export type CachedMethod = {
  readonly plan: MethodPlan;
  readonly cache: CachePlan;
  readonly keyOf: (call: ReadyCall) => Key | undefined;
  readonly inputsOf: (call: ReadyCall) => Inputs;
  readonly etagOf: (body: Uint8Array) => string;
  readonly cacheControl: CacheControl;
};

/** @throws Error for a plan without cache */
function cachedMethod(plan: MethodPlan, language: LanguageOf): CachedMethod {
  const { cache } = plan;
  if (cache === undefined) throw new Error(`${plan.method} is not cached.`);
  return {
    plan,
    cache,
    keyOf: keyOf(plan, language),
    inputsOf: (call) => inputsOf(call, cache, language),
    etagOf: etagOf(plan.descriptor.output),
    cacheControl: cacheControlOf(plan, cache),
  };
}

export type MethodOf = (plan: MethodPlan) => CachedMethod;

/** Each plan's method, worked out at its first call. */
export function methodsBy(language: LanguageOf): MethodOf {
  const methods = new Map<MethodPlan, CachedMethod>();
  return (plan) => {
    const known = methods.get(plan);
    if (known !== undefined) return known;
    const method = cachedMethod(plan, language);
    methods.set(plan, method);
    return method;
  };
}
