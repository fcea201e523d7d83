import type { Clock } from '../../kit/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { Revocations } from '../../ports/revocations.ts';
import type { Sessions } from '../../ports/sessions.ts';
import type { RevocationNews } from './shared-revocations.ts';

/** Rows are dated by the replica that writes them, whose clock may be behind, and commit a little later. Milliseconds. */
const overlapMs = 10_000;

/** Where nobody tells: each replica reads SQL alone. */
export const noNews: RevocationNews = { isWhole: () => false, onGap: () => {} };

/**
 * Learns which sessions have ended from where the truth is, SQL: all that may still have living tokens once at the start, then those that came since: each `everyMs`, where there
 * are news and they are whole only each `wholeEveryMs`, and at once after a gap in them.
 * @param revocations of this replica alone: what is read is not told again
 * @param ttlMs the longest that an access token may still live
 * @returns when the first are known, a way to stop
 * @throws Fault STORAGE_DOWN when the first could not be read
 */
export async function followRevocations({
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
  readonly news: RevocationNews;
  readonly everyMs: number;
  readonly wholeEveryMs: number;
}): Promise<() => void> {
  let readAtMs = clock.nowMs();
  const read = async (sinceMs: number) => {
    const atMs = clock.nowMs();
    for (const id of await sessions.revokedSince(sinceMs)) if (!revocations.has(id)) await revocations.add(id, ttlMs);
    readAtMs = atMs;
  };
  await read(readAtMs - ttlMs);
  let stopped = false;
  let lost = false;
  let reading = false;
  let again = false; // a gap that came while reading: what is being read may be from before it
  let cancel = () => {};
  const follow = async () => {
    again = reading;
    if (reading) return;
    reading = true;
    cancel();
    try {
      do {
        again = false;
        await read(readAtMs - overlapMs);
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
