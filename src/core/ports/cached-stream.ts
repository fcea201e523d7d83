import type { MethodPlan } from '../kit/plan.ts';
import type { Answer, ReadyCall } from './call.ts';

/**
 * @param plan of the unary method that is cached
 * @param call of its stream form, with the same request
 */
export type OpenCached = (plan: MethodPlan, call: ReadyCall) => Promise<Opened>;
export type Opened = { readonly hit: Answer } | CachedStream;
/** A stream that computes the answer part by part. */
export type CachedStream = {
  readonly hit: undefined;
  /** An old answer within its stale-while-revalidate time, to be sent at once. */
  readonly stale: Answer | undefined;
  /** The call as the computation may see it: its own signal and deadline, and of all else what the key has. */
  readonly call: ReadyCall;
  /** Stores the whole answer that the stream ends with; a partial one is not stored. @returns it with its etag in the metadata */
  offer(answer: Answer): Promise<Answer>;
  /** What to send when the computation failed with `error`: an old answer within its stale-if-error time, if there is one and the error is of that kind. */
  rescue(error: unknown): Promise<Answer | undefined>;
};
