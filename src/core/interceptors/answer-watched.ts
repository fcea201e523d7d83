import type { MethodPlan } from '../kit/method-plan.ts';
import { type Soon, soonThen } from '../kit/soon.ts';
import type { Answer, AnswerCall, Authenticated, Call, Caller, Handler, Interceptor } from '../ports/call.ts';
import { type Interceptors, steps } from './chain.ts';
import { checkAccess } from './check-access.ts';
import { notRefused } from './errors-to-status.ts';

/** A call of a client that was authenticated when it opened its stream. */
export type CallOf = Call & { readonly caller: Caller | undefined };

/**
 * The chain of `answerBy` for answers that are watched: the caller is that of the stream, and `cache` is that of
 * watches. Only cached methods have one.
 */
export function answerWatchedBy(
  plans: Iterable<MethodPlan>,
  { trace, errors, deadline, validate, cache }: Pick<Interceptors, 'trace' | 'errors' | 'deadline' | 'validate' | 'cache'>,
  handlerOf: (plan: MethodPlan) => Handler,
): (call: CallOf) => Soon<Answer> {
  const known: Interceptor<unknown, Authenticated> = (call, next) => {
    const { caller } = call as CallOf; // every interceptor passes on the whole call
    checkAccess(call.plan.access, caller);
    return next({ ...call, caller, lifetime: undefined });
  };
  const chains = new Map<MethodPlan, AnswerCall>();
  for (const plan of plans)
    if (plan.cache !== undefined)
      chains.set(plan, steps().through(trace).through(errors).through(deadline).through(known).through(validate).through(cache).to(handlerOf(plan)));
  return (call) => {
    const chain = chains.get(call.plan);
    if (chain === undefined) throw new Error(`${call.plan.method} is not cached.`);
    return soonThen(chain(call), notRefused);
  };
}
