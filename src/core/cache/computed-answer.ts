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
  /** Another replica computed it. */
  readonly elsewhere?: boolean;
};
