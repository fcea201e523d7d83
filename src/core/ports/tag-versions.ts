import type { Soon } from './soon.ts';

/** The beginning of a computation, in the time of the versions. */
export type Begun = {
  /** Greater than the version of every raise that was done before, smaller than that of every raise that comes after. */
  readonly startedAt: number;
  /** One for each tag asked for, in their order. */
  readonly versions: readonly number[];
};

/**
 * A number for every tag, which rises whenever answers with that tag become unusable. An answer is fresh only while its tags still have the versions that they had
 * *before* it was computed; nothing else is kept of which answers have a tag.
 *
 * Promises, in every adapter:
 * - A version never repeats, not even when its tag was forgotten between: max(old + 1, the server's microseconds since 1970).
 * - A tag that was never raised nor begun with, or was forgotten, has no version, and is never "unmoved".
 * - The number of tags is bounded. A tag is forgotten at the earliest when it is the one that nothing was begun with or raised for the longest; and where all fit, not before
 *   every answer begun with it is over (the adapter is told how long that is).
 * - Each method is atomic; what one call has done, every later call sees.
 */
export type TagVersions = {
  /** @returns true when every one of `tags` still has exactly its version in `versions` (same order, same length); true for no tags at all */
  unmoved(tags: readonly string[], versions: readonly number[]): Soon<boolean>;
  /** Before a computation: reads the versions of the tags it is known to have, and gives one to those without. */
  begin(tags: readonly string[]): Soon<Begun>;
  /**
   * After a computation: the versions of tags that came to light only during it. One without a version has not moved, and is given one.
   * @param startedAt of the computation's `begin`
   * @returns one for each tag, or undefined when one has moved since then, or may have
   */
  late(tags: readonly string[], startedAt: number): Soon<readonly number[] | undefined>;
  /** Gives every tag a new, higher version. */
  raise(tags: readonly string[]): Soon<void>;
};
