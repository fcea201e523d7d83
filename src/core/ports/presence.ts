import type { TopicEvent, TopicPosition } from './topic-log.ts';

export type PresenceLimits = {
  /** Above so many users only their number is reported; they are listed again from four fifths of it down. */
  readonly listMax: number;
  /**
   * For so long a user without a connection still counts as present: whole milliseconds, from 0 to `leaveAfterMsMax`.
   */
  readonly leaveAfterMs: number;
};

export type PresenceState = {
  /** In the log of `presenceTopicOf(topic)`: the changes after it belong to this state. */
  readonly position: TopicPosition;
  readonly count: number;
  /** In no order. Undefined while there are too many. */
  readonly users: readonly string[] | undefined;
};

/** An event of the log of `presenceTopicOf(topic)`. `count` is the number of users after all changes of its moment. */
export type PresenceChange =
  | { readonly kind: 'join' | 'leave'; readonly userId: string; readonly count: number }
  /** Users are not listed any more, or have not been. */
  | { readonly kind: 'count'; readonly count: number }
  /** Users are listed again, from here on. */
  | { readonly kind: 'users'; readonly users: readonly string[]; readonly count: number };

/**
 * Who is on a topic. A user is present while a connection of theirs at any replica is, and `leaveAfterMs` longer.
 *
 * Promises, in every adapter:
 * - State and changes are one: a state, followed by the changes after its position in the log, is the later state. If
 * the shared state was lost, its log begins a new epoch.
 * - A user with several connections joins once and leaves once. A user who returns within `leaveAfterMs` does neither.
 * - Each change is announced once, at the latest `leaveAfterMs` and a second after its cause. A thousand joins of one
 * moment cost a few steps, and one change where users are not listed; their number is announced once a second at most.
 * - The users of a replica that died leave after `memberMs`.
 * - While a shared store is unavailable nothing fails: the users of this replica are announced when it is back, at the
 * latest after `refreshMs`; those who left meanwhile, after `memberMs`.
 */
export type Presence = {
  /**
   * Resolved when it was announced, or the store is unavailable.
   * @throws RangeError beyond a bound
   */
  join(topic: string, userId: string, limits: PresenceLimits): Promise<Present>;
  /** @throws RangeError beyond a bound, StoreDown */
  state(topic: string): Promise<PresenceState>;
  /** Ends all timers. The users of this replica leave after `memberMs`. */
  close(): void;
};

/** One connection of a user on a topic. */
export type Present = {
  /** Resolved when the store knows, or is unavailable. Does nothing when called again. */
  leave(): Promise<void>;
};

/** The log of a topic's changes of presence. The name of the topic has at most 247 characters. */
export const presenceTopicOf = (topic: string) => `${topic}~presence`;

/** @returns undefined for a change of another release: read the state again */
export function presenceChangeOf({ payload }: TopicEvent): PresenceChange | undefined {
  const [kind, count, subject] = JSON.parse(Buffer.from(payload).toString()) as [string, number, string | string[] | undefined];
  if (kind === 'count') return { kind, count };
  if (kind === 'users' && Array.isArray(subject)) return { kind, count, users: subject };
  if ((kind === 'join' || kind === 'leave') && typeof subject === 'string') return { kind, count, userId: subject };
  return undefined;
}
