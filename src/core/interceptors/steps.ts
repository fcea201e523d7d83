import type { Soon } from '../kit/soon.ts';
import type { Answer, AnswerCall, Call, Interceptor } from '../ports/call.ts';

/** Interceptors so far; `Has` is what they have added to the call. One that needs what is not there yet is not accepted. */
export type Steps<Has> = {
  through<Needs, Adds>(interceptor: Interceptor<Needs, Adds> & (Has extends Needs ? unknown : never)): Steps<Has & Adds>;
  to(handler: (call: Call & Has) => Soon<Answer>): AnswerCall;
};

/** A chain without interceptors. */
export function steps(): Steps<unknown> {
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
