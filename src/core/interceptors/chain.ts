import type { MethodPlan } from '../kit/plan.ts';
import type { AnswerCall, Authenticated, Decoded, Handler, Interceptor, Traced } from '../ports/call.ts';
import { steps } from './steps.ts';

/** What a call passes on its way, each named after its job. Which of them a method gets depends on its plan alone. */
export type Interceptors = {
  readonly trace: Interceptor<unknown, Traced>;
  readonly errors: Interceptor<Traced, unknown>;
  readonly deadline: Interceptor<unknown, unknown>;
  readonly admit: Interceptor<unknown, unknown>;
  readonly authenticate: Interceptor<Traced, Authenticated>;
  readonly validate: Interceptor<unknown, Decoded>;
  readonly invalidate: Interceptor<Authenticated & Decoded & Traced, unknown>;
  readonly cache: Interceptor<Authenticated & Decoded & Traced, unknown>;
};

/**
 * The one way to get an answer. The chain of every method is composed once, here, in this order:
 * - trace is outermost, so that it sees what really leaves the house, refusals included;
 * - errors comes next: all that is thrown below becomes a status with details;
 * - deadline is before everything that may wait;
 * - admit is before everything that costs: what is not taken on now costs nothing. Unary calls are taken on always;
 * - authenticate is before validate: who may not call learns nothing about the request;
 * - validate is before whatever reads the request: tags, keys, handlers;
 * - invalidate is around the handler of a write; cache is around the handler of a read. No method has both.
 */
export function answerBy(plans: Iterable<MethodPlan>, interceptors: Interceptors, handlerOf: (plan: MethodPlan) => Handler): AnswerCall {
  const chains = new Map<MethodPlan, AnswerCall>();
  for (const plan of plans) chains.set(plan, chainOf(plan, interceptors, handlerOf(plan)));
  return (call) => {
    const chain = chains.get(call.plan);
    if (chain === undefined) throw new Error(`No chain was composed for ${call.plan.method}.`);
    return chain(call);
  };
}

function chainOf(
  plan: MethodPlan,
  { trace, errors, deadline, admit, authenticate, validate, invalidate, cache }: Interceptors,
  handler: Handler,
): AnswerCall {
  const timed = steps().through(trace).through(errors).through(deadline);
  const ready = (plan.kind === 'unary' ? timed : timed.through(admit)).through(authenticate).through(validate);
  if (plan.cache !== undefined) return ready.through(cache).to(handler);
  if (plan.invalidates.length > 0) return ready.through(invalidate).to(handler);
  return ready.to(handler);
}
