import type { PresenceLimits, PresenceState } from '../../ports/presence.ts';

/** What the users of one replica on one topic are now. */
export type Members = {
  readonly replica: string;
  readonly present: readonly string[];
  /** They were present, and their last connection at this replica has ended. */
  readonly leaving: readonly string[];
  readonly limits: PresenceLimits;
  /** For how long they count without a repetition. */
  readonly memberMs: number;
};

/** Where the users of all replicas are kept. Each step also lets those leave whose time is over. */
export type PresenceStore = {
  /**
   * @returns after how many milliseconds there is something to do: somebody's time is over, or a number is announced
   */
  apply(topic: string, members: Members): Promise<number | undefined>;
  state(topic: string): Promise<PresenceState>;
};

/** Of the log of changes: a client that was away for longer, or missed more, gets the state. */
export const changesKept = { size: 1_000, ageMs: 600_000 };
/** The shortest interval between two announced numbers of users. Milliseconds. */
export const countEveryMs = 1_000;
/** Users of one step. */
export const membersMax = 500;
/**
 * Lists begin again when at most this part of `listMax` is present, so that one user who comes and goes changes
 * nothing.
 */
export const relistFrom = 0.8;
