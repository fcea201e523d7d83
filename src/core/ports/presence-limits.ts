import { type PresenceLimits, presenceTopicOf } from './presence.ts';
import { checkLogTopic } from './topic-log-limits.ts';

/** Of a user's id. */
export const userCharactersMax = 256;
/** So that a list of the longest ids, in JSON, is no larger than the payload of an event. */
export const listMaxMax = 250;
export const leaveAfterMsMax = 60_000;
/**
 * A replica repeats its users so often, and they are forgotten when it has not for so long (centrifuge: 25 s, 60 s).
 */
export const refreshMs = 25_000;
export const memberMs = 60_000;

/** Of the log of changes: a client that was away for longer, or missed more, gets the state. */
export const changesKept = { size: 1_000, ageMs: 600_000 };
/** The shortest interval between two announced numbers of users. Milliseconds. */
export const countEveryMs = 1_000;
/** Users that a replica repeats in one step. */
export const usersPerStepMax = 500;
/**
 * Lists begin again when at most this part of `listMax` is present, so that one user who comes and goes changes
 * nothing.
 */
export const relistFrom = 0.8;
/** Users whose time is over, of one step: the next step follows at once. */
export const leavesMax = 1_000;
/** The state of an unused topic ends after this time, and its log then begins a new epoch. Milliseconds. */
export const stateMs = 3_600_000;

/** @throws RangeError */
export function checkPresenceTopic(topic: string): void {
  checkLogTopic(topic);
  checkLogTopic(presenceTopicOf(topic));
}

/** @throws RangeError */
export function checkPresence(userId: string, { listMax, leaveAfterMs }: PresenceLimits): void {
  if (userId.length < 1 || userId.length > userCharactersMax || !userId.isWellFormed() || /\p{Cc}/u.test(userId))
    throw new RangeError(`A user id has 1 to ${userCharactersMax} characters of well-formed Unicode, none a control character.`);
  if (!Number.isInteger(listMax) || listMax < 0 || listMax > listMaxMax) throw new RangeError(`listMax: 0 to ${listMaxMax}, not ${listMax}.`);
  if (!Number.isInteger(leaveAfterMs) || leaveAfterMs < 0 || leaveAfterMs > leaveAfterMsMax)
    throw new RangeError(`leaveAfterMs: 0 to ${leaveAfterMsMax}, not ${leaveAfterMs}.`);
}
