import type { MethodPlan } from '../kit/plan.ts';
import type { Soon } from '../kit/soon.ts';
import type { Answer, AnswerCall, Authenticated, Call, Decoded, Handler, Interceptor, Traced } from '../ports/call.ts';

/** What a call passes on its way, each named after its job. Which of them a method gets depends on its plan alone. */
export type Interceptors = {
  readonly trace: Interceptor<unknown, Traced>;
  readonly errors: Interceptor<Traced, unknown>;
  readonly deadline: Interceptor<unknown, unknown>;
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
  { trace, errors, deadline, authenticate, validate, invalidate, cache }: Interceptors,
  handler: Handler,
): AnswerCall {
  const ready = steps().through(trace).through(errors).through(deadline).through(authenticate).through(validate);
  if (plan.cache !== undefined) return ready.through(cache).to(handler);
  if (plan.invalidates.length > 0) return ready.through(invalidate).to(handler);
  return ready.to(handler);
}

/** Interceptors so far; `Has` is what they have added to the call. One that needs what is not there yet is not accepted. */
type Steps<Has> = {
  through<Needs, Adds>(interceptor: Interceptor<Needs, Adds> & (Has extends Needs ? unknown : never)): Steps<Has & Adds>;
  to(handler: (call: Call & Has) => Soon<Answer>): AnswerCall;
};

function steps(): Steps<unknown> {
  return stepsOf((handler) => handler);
}

type Step = (call: Call) => Soon<Answer>;

/** An interceptor hands on the whole call with what it adds, so what those before it added is still there: `Steps` has checked it, and the casts say it. */
function stepsOf<Has>(wrap: (handler: Step) => AnswerCall): Steps<Has> {
  return {
    through: (interceptor) => stepsOf((handler) => wrap((call) => (interceptor as Interceptor<unknown, unknown>)(call, handler))),
    to: (handler) => wrap(handler as Step),
  };
}
