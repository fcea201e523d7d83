import type { Soon } from '../kit/soon.ts';

/** The beginning of a computation, in the time of the versions. */
export type Begun = {
  /**
   * Greater than the version of every raise that was done before, smaller than that of every raise that comes after. In
   * a Redis Cluster near it: see `keep`.
   */
  readonly startedAt: number;
  /** One for each tag asked for, in their order. */
  readonly versions: readonly number[];
  /**
   * Another text after every raise of one of the tags, and the same while none is raised: versions change also when a
   * tag gets one of its own. Computations that begin with the same text may stand in for each other.
   */
  readonly raises: string;
  /** Whether one of the tags is settling: what is computed now may be old already, and is not to be stored. */
  readonly settling: boolean;
};

/** The tags of an answer, when its computation ends. */
export type Kept = Pick<Begun, 'versions' | 'settling'>;

/**
 * Compares an answer's tags with the versions it was computed with: none was raised since; only softly, so that the
 * answer is stale; or one was raised hard, or its state is lost.
 */
export type Standing = 'current' | 'soft' | 'invalidated';

export type RaiseOptions = {
  /** Older answers count as past their time to live instead of becoming unusable. */
  readonly soft?: boolean;
  /** For how long answers are not stored, because what they are computed from may lag behind: whole milliseconds. */
  readonly settleMs?: number;
};

/**
 * A number for every tag, which rises whenever answers with that tag become unusable. An answer is fresh only while its
 * tags still have the versions that they had *before* it was computed; nothing else is kept of which answers have a
 * tag.
 *
 * A tag has a version of its own once an answer is stored with it. Every other tag shares the version of its bucket:
 * there are some thousands, each rises with every raise of a tag in it, and none is ever forgotten alone. So asking for
 * what is never stored costs no memory, and nothing is concluded from the absence of a version.
 *
 * Promises, in every adapter:
 * - A version never repeats, not even when its tag was forgotten between: max(old + 1, the server's microseconds since
 * 1970, in memory since the process began).
 * - An answer is "current" only if no raise of one of its tags has been done since the versions were read. A version of
 * its own that was forgotten makes it "invalidated"; so does whatever the store has lost or cannot read.
 * - A raise of a tag without a version of its own makes a computation under way that shares its bucket "invalidated",
 * too: one in thousands of raises, and never an answer that is stored.
 * - The number of versions is bounded. Versions from `keep` outlive its `lifeMs`, unless the store runs out of memory.
 * - A raise needs no memory that could be refused. (Only `settleMs` may keep something new, for that time.)
 * - What one call has done to a tag, every later call sees. Several tags of one call need not change in one moment.
 * - Adapters of a shared store throw StoreDown; whether a raise was done is then not known, and raising again does no
 * harm.
 */
export type TagVersions = {
  /** Compares `tags` with `versions` (same order, same length). @returns the worst of them; "current" without tags */
  standing(tags: readonly string[], versions: readonly number[]): Soon<Standing>;
  /** Before a computation: reads the versions of the tags it is known to have. Nothing is kept of it. */
  begin(tags: readonly string[]): Soon<Begun>;
  /**
   * At the end of a computation: whether its tags are what they were at its beginning, softly or not, and their
   * versions now.
   * @param tags those that `begin` was asked for, then those that came to light only during the computation
   * @param versions that `begin` gave
   * @param startedAt that `begin` gave. Where servers have clocks of their own, a late tag that was raised up to 2 s
   * before counts as raised since
   * @param lifeMs how long the answer will be stored: for so long each tag has a version of its own from now on. 0: it
   * is not stored
   * @returns undefined when one was raised since, or may have been
   */
  keep(tags: readonly string[], versions: readonly number[], startedAt: number, lifeMs: number): Soon<Kept | undefined>;
  /** Gives every tag a new, higher version. */
  raise(tags: readonly string[], options?: RaiseOptions): Soon<void>;
  /** Raises every tag that there is or may be. */
  raiseAll(): Soon<void>;
  /**
   * Whether anything at all was raised since: for what has tags that nobody knows, such as an error. True also where it
   * is not worth asking.
   */
  raisedSince(startedAt: number): Soon<boolean>;
};
