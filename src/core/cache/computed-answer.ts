import type { TagSnapshot } from './invalidation/verify.ts';
import type { Whole } from './reply.ts';

/** What a computation came to. */
export type Computed = Whole & {
  readonly computedAtMs: number;
  /** The end of its fresh time, when it was stored. */
  readonly freshUntilMs: number | undefined;
  /**
   * What its freshness hangs on. "invalidated": that was over before it was finished. "incomplete": it has tags that
   * nobody can ask for (too many, malformed, or without a value). Undefined when the shared store could not be asked.
   */
  readonly snapshot: TagSnapshot | 'invalidated' | 'incomplete' | undefined;
  /** Another replica computed it. */
  readonly elsewhere?: boolean;
};
