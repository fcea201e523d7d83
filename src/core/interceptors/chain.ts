import type { MethodPlan } from '../kit/method-plan.ts';
import type { Soon } from '../kit/soon.ts';
import type { Answer, AnswerCall, Authenticated, Call, Decoded, Handler, Interceptor, Traced } from '../ports/call.ts';

/** The interceptors of the chain, by their purpose. A method's plan alone decides which of them it has. */
export type Interceptors = {
  readonly trace: Interceptor<unknown, Traced>;
  readonly errors: Interceptor<Traced, unknown>;
  readonly deadline: Interceptor<unknown, unknown>;
  readonly outdated: Interceptor<unknown, unknown>;
  readonly maintenance: Interceptor<unknown, unknown>;
  readonly draining: Interceptor<unknown, unknown>;
  readonly authenticate: Interceptor<Traced, Authenticated>;
  readonly validate: Interceptor<unknown, Decoded>;
  readonly invalidate: Interceptor<Authenticated & Decoded & Traced, unknown>;
  readonly cache: Interceptor<Authenticated & Decoded & Traced, unknown>;
};

/**
 * The one function that produces answers. The chain of every method is composed once, here, in this order:
 * - trace is outermost, so that it sees what is really sent, errors included;
 * - errors is next: every error below becomes a status with details;
 * - deadline is before every step that may wait;
 * - outdated, maintenance and draining are before every costly step, so that a refused call costs nothing. A policy
 *   keeps a method open for outdated apps, or during maintenance; draining accepts unary calls;
 * - authenticate is before validate: a caller without permission learns nothing about the request;
 * - validate is before every step that reads the request: tags, keys, handlers;
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

/** The chain of one method. */
export function chainOf(
  plan: MethodPlan,
  { trace, errors, deadline, outdated, maintenance, draining, authenticate, validate, invalidate, cache }: Interceptors,
  handler: Handler,
): AnswerCall {
  const timed = steps().through(trace).through(errors).through(deadline);
  const current = plan.outdatedApps ? timed : timed.through(outdated);
  const open = plan.duringMaintenance ? current : current.through(maintenance);
  const ready = (plan.kind === 'unary' ? open : open.through(draining)).through(authenticate).through(validate);
  if (plan.cache !== undefined) return ready.through(cache).to(handler);
  if (plan.invalidates.length > 0) return ready.through(invalidate).to(handler);
  return ready.to(handler);
}

/**
 * The interceptors so far. `Has` is what they have added to the call. An interceptor that needs more is not accepted.
 */
export type Steps<Has> = {
  through<Needs, Adds>(interceptor: Interceptor<Needs, Adds> & (Has extends Needs ? unknown : never)): Steps<Has & Adds>;
  to(handler: (call: Call & Has) => Soon<Answer>): AnswerCall;
};

/** A chain without interceptors. */
export function steps(): Steps<unknown> {
  return stepsOf((handler) => handler);
}

type Step = (call: Call) => Soon<Answer>;

/**
 * An interceptor passes on the whole call with its additions, so earlier additions remain. `Steps` has checked this;
 * the casts express it.
 */
function stepsOf<Has>(wrap: (handler: Step) => AnswerCall): Steps<Has> {
  return {
    through: (interceptor) => stepsOf((handler) => wrap((call) => (interceptor as Interceptor<unknown, unknown>)(call, handler))),
    to: (handler) => wrap(handler as Step),
  };
}
