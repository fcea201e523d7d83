import type { Soon } from '../kit/soon.ts';
import type { Answer, AnswerCall, Call, Interceptor } from '../ports/call.ts';

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
