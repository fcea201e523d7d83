import type { Soon } from '../kit/soon.ts';
import type { TagSnapshot } from './invalidation/verify-tags.ts';
import type { Whole } from './reply-metadata.ts';

/** The result of a computation. */
export type Computed = Whole & {
  readonly computedAtMs: number;
  /** The end of its fresh time, when it was stored. */
  readonly freshUntilMs: number | undefined;
  /**
   * The versions on which its freshness depends. "invalidated": one was raised before the computation ended.
   * "incomplete": its tags cannot be verified (too many, malformed, or without a value). Undefined when the shared
   * store did not answer.
   */
  readonly snapshot: TagSnapshot | 'invalidated' | 'incomplete' | undefined;
  /** What becomes of it when the call stopped waiting for the shared store before that had taken it, or refused it. */
  readonly late?: Promise<Computed>;
  /** Another replica computed it. */
  readonly elsewhere?: boolean;
};

/** Whether it was stored, if only after its call. */
export function wasStored(computed: Computed | undefined): Soon<boolean> {
  if (computed?.late === undefined) return computed?.freshUntilMs !== undefined;
  const failed = () => false; // whoever waits for the answer receives the error
  return computed.late.then((last) => last.freshUntilMs !== undefined, failed);
}
