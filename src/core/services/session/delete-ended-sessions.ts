import { repeat, tryAgain } from '../../kit/background-work.ts';
import type { Clock } from '../../kit/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { Sessions } from '../../ports/sessions.ts';

/** Rows of one transaction, and the delay of the next one while there are more. Milliseconds. */
const batch = 1_000;
const moreAfterMs = 1_000;
const everyMs = 3_600_000;

export type DeleteEndedSessionsParts = {
  readonly sessions: Pick<Sessions, 'forget'>;
  readonly clock: Clock;
  readonly log: Log;
  /** How long sessions are kept after their end. */
  readonly keepMs: number;
  /** The lifetime of a session without a refresh, and in total. */
  readonly idleMs: number;
  readonly absoluteMs: number;
};

/** Deletes sessions that ended long ago and expired nonces: every hour, a thousand at a time. @returns stops it */
export function startDeletingEndedSessions({ sessions, clock, log, keepMs, idleMs, absoluteMs }: DeleteEndedSessionsParts): () => void {
  const warn = (error: unknown) => log.warn('Sessions that are long over could not be deleted: it is tried again in an hour.', { error });
  const forget = async () => {
    const nowMs = clock.nowMs();
    const endedMs = nowMs - keepMs;
    const forgotten = await sessions.forget({ endedMs, seenMs: endedMs - idleMs, signedInMs: endedMs - absoluteMs, expiredMs: nowMs }, batch);
    return forgotten >= batch ? moreAfterMs : everyMs;
  };
  return repeat(clock, moreAfterMs, tryAgain(everyMs, warn, forget));
}
