import type { MethodPlan } from '../kit/method-plan.ts';
import type { Soon } from '../kit/soon.ts';
import type { Answer, ReadyCall } from './call.ts';

/**
 * Computes an answer, and may say how far it is.
 * @param report is given the answer so far each time a part has come, and how it ends when nothing is waited for any
 * more
 */
export type ComputeSoFar = (call: ReadyCall, report: (soFar: SoFar) => void) => Soon<Answer>;

/** An answer whose optional parts are still on their way. */
export type SoFar = {
  readonly answer: Answer;
  /**
   * The answer as it is when those parts count as missing: for a caller whose time is over before that of others.
   * Cancels nothing.
   */
  readonly endNow: () => Promise<Answer>;
};

/**
 * The stream form of a cached unary method: what is stored at once; else answers so far, the last one whole. All who
 * ask for it at the same time, as a stream or not, share one computation.
 * @param plan of the unary method that is cached
 * @param call of its stream form, with the same request
 * @param compute as the unary method computes it: it is given what the key has, and the time of the unary method's
 * policy
 */
export type AnswerStream = (plan: MethodPlan, call: ReadyCall, compute: ComputeSoFar) => Soon<Answer>;
