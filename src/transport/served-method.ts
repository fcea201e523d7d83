import type { MethodPlan } from '../core/kit/method-plan.ts';
import type { AnswerCall } from '../core/ports/call.ts';

/** A method that a listener serves, with its handler. */
export type Served = { readonly plan: MethodPlan; readonly answer: AnswerCall };
