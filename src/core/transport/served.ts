import type { MethodPlan } from '../kit/plan.ts';
import type { AnswerCall } from '../ports/call.ts';

/** A method that a listener serves, with its handler. */
export type Served = { readonly plan: MethodPlan; readonly answer: AnswerCall };
