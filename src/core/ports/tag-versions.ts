import type { Soon } from '../kit/soon.ts';

/** The beginning of a computation, in the time of the versions. */
export type Begun = {
  /** Greater than the version of every raise that was done before, smaller than that of every raise that comes after. In a Redis Cluster near it: see `late`. */
  readonly startedAt: number;
  /** One for each tag asked for, in their order. */
  readonly versions: readonly number[];
  /** Whether one of the tags is settling: what is computed now may be old already, and is not to be stored. */
  readonly settling: boolean;
};

/** Tags that came to light late. */
export type Late = Pick<Begun, 'versions' | 'settling'>;

/**
 * How an answer's tags stand to the versions it was computed with: nothing was raised since; only softly, so that it counts as past its time to live; or one was raised for good,
 * or is not known any more.
 */
export type Standing = 'unmoved' | 'soft' | 'moved';

export type RaiseOptions = {
  /** Older answers count as past their time to live instead of becoming unusable. */
  readonly soft?: boolean;
  /** For how long answers are not stored, because what they are computed from may lag behind: whole milliseconds. */
  readonly settleMs?: number;
};

/**
 * A number for every tag, which rises whenever answers with that tag become unusable. An answer is fresh only while its tags still have the versions that they had
 * *before* it was computed; nothing else is kept of which answers have a tag.
 *
 * Promises, in every adapter:
 * - A version never repeats, not even when its tag was forgotten between: max(old + 1, the server's microseconds since 1970).
 * - A tag that was never raised nor begun with, or was forgotten, has no version, and is "moved".
 * - The number of tags is bounded. A tag is forgotten at the earliest when it is the one that nothing was begun with or raised for the longest; and where all fit, not before
 *   every answer begun with it is over (the adapter is told how long that is).
 * - What one call has done to a tag, every later call sees. Several tags of one call need not change in one moment.
 * - Adapters of a shared store throw StoreDown; whether a raise was done is then not known, and raising again does no harm.
 */
export type TagVersions = {
  /** How `tags` stand to `versions` (same order, same length): the worst of them all; "unmoved" for no tags at all. */
  standing(tags: readonly string[], versions: readonly number[]): Soon<Standing>;
  /** Before a computation: reads the versions of the tags it is known to have, and gives one to those without. */
  begin(tags: readonly string[]): Soon<Begun>;
  /**
   * After a computation: the versions of tags that came to light only during it. One without a version has not moved, and is given one.
   * @param startedAt of the computation's `begin`. Where servers have clocks of their own, a tag that moved up to 2 s before counts as moved since
   * @returns undefined when one has moved since then, or may have
   */
  late(tags: readonly string[], startedAt: number): Soon<Late | undefined>;
  /** Gives every tag a new, higher version. */
  raise(tags: readonly string[], options?: RaiseOptions): Soon<void>;
};
