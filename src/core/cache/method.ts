import type { CachePlan, MethodPlan } from '../kit/plan.ts';
import type { ReadyCall } from '../ports/call.ts';
import { etagOf } from './etag.ts';
import { type Inputs, inputsOf } from './key/inputs.ts';
import { type Key, keyOf } from './key/key.ts';

/** The facts about a cached method that are computed once. */
export type CachedMethod = {
  readonly plan: MethodPlan;
  readonly cache: CachePlan;
  readonly keyOf: (call: ReadyCall) => Key | undefined;
  readonly inputsOf: (call: ReadyCall) => Inputs;
  readonly etagOf: (body: Uint8Array) => string;
  /** Of Cache-Control: `public` only where one answer is for everyone. */
  readonly visibility: 'public' | 'private';
  /**
   * The Vary header, or "" for none. A private answer in a client's own HTTP cache is one token's, lest another account
   * on that client reads it.
   */
  readonly vary: string;
};

/** @throws Error for a plan without cache */
function cachedMethod(plan: MethodPlan, language: (acceptLanguage: string | undefined) => string): CachedMethod {
  const { cache } = plan;
  if (cache === undefined) throw new Error(`${plan.method} is not cached.`);
  const visibility = plan.access.kind === 'anonymous' && cache.scope === 'shared' ? 'public' : 'private';
  return {
    plan,
    cache,
    keyOf: keyOf(plan, language),
    inputsOf: (call) => inputsOf(call, cache, language),
    etagOf: etagOf(plan.descriptor.output),
    visibility,
    vary: [...(visibility === 'private' ? ['authorization'] : []), ...cache.vary].join(', '),
  };
}

export type MethodOf = (plan: MethodPlan) => CachedMethod;

/** Each plan's method, worked out at its first call. */
export function methodsBy(language: (acceptLanguage: string | undefined) => string): MethodOf {
  const methods = new Map<MethodPlan, CachedMethod>();
  return (plan) => {
    const known = methods.get(plan);
    if (known !== undefined) return known;
    const method = cachedMethod(plan, language);
    methods.set(plan, method);
    return method;
  };
}
