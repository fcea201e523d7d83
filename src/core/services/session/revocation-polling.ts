import type { Clock } from '../../kit/clock.ts';
import { queryInTime } from '../../kit/query-in-time.ts';
import type { Log } from '../../ports/log.ts';
import type { Revocations } from '../../ports/revocations.ts';
import type { Sessions } from '../../ports/sessions.ts';
import type { RevocationBroadcasts } from './revocation-broadcast.ts';

/**
 * The replica that writes a row dates it. Its clock may be behind, and the row is committed a little later.
 * Milliseconds.
 */
const overlapMs = 10_000;

/**
 * The interval of reading sessions that other replicas ended from SQL, and the interval while the bus publishes them.
 * Milliseconds.
 */
export const usualIntervals = { everyMs: 1_000, wholeEveryMs: 5_000 } as const;

/** Without a bus, every replica only reads SQL. */
export const noBroadcasts: RevocationBroadcasts = { isWhole: () => false, onGap: () => {} };

/**
 * Reads the sessions that have ended from SQL, the source of truth. At start it reads all sessions that may still have
 * valid tokens. Afterwards it reads the new ones every `everyMs`, or every `wholeEveryMs` while the bus works, and at
 * once after a gap of the bus.
 * @param revocations of this replica alone: entries that are read are not published again
 * @param ttlMs the longest remaining lifetime of an access token
 * @returns when the first read is done, and a way to stop
 * @throws Fault STORAGE_DOWN when the first read failed
 */
export async function pollRevocations({
  sessions,
  revocations,
  clock,
  log,
  ttlMs,
  news,
  everyMs,
  wholeEveryMs,
}: {
  readonly sessions: Pick<Sessions, 'revokedSince'>;
  readonly revocations: Revocations;
  readonly clock: Clock;
  readonly log: Log;
  readonly ttlMs: number;
  readonly news: RevocationBroadcasts;
  readonly everyMs: number;
  readonly wholeEveryMs: number;
}): Promise<() => void> {
  let readAtMs = clock.nowMs();
  /** @returns when it began */
  const read = async (sinceMs: number) => {
    const atMs = clock.nowMs();
    for (const id of await sessions.revokedSince(sinceMs)) if (!revocations.has(id)) await revocations.add(id, ttlMs);
    return atMs;
  };
  readAtMs = await read(readAtMs - ttlMs);
  let stopped = false;
  let lost = false;
  let reading = false;
  let again = false; // a gap during a read: the rows being read may be older than it
  let cancel = () => {};
  const follow = async () => {
    again = reading;
    if (reading) return;
    reading = true;
    cancel();
    try {
      do {
        again = false;
        readAtMs = await queryInTime(clock, read(readAtMs - overlapMs));
      } while (again && !stopped);
      lost = false;
    } catch (error) {
      if (!lost) log.warn('Ended sessions cannot be read: those ended elsewhere stay good here until this is over.', { error });
      lost = true;
    }
    reading = false;
    schedule();
  };
  const schedule = () => {
    if (stopped) return;
    cancel = clock.after(everyMs, () => {
      if (news.isWhole() && !lost && clock.nowMs() - readAtMs < wholeEveryMs) schedule();
      else void follow();
    });
  };
  news.onGap(() => {
    if (!stopped) void follow();
  });
  schedule();
  return () => {
    stopped = true;
    cancel();
  };
}
