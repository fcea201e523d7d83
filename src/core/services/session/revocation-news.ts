import type { Clock } from '../../kit/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { Revocations } from '../../ports/revocations.ts';
import type { Sessions } from '../../ports/sessions.ts';

/** Rows are dated by the replica that writes them, whose clock may be behind, and commit a little later. Milliseconds. */
const overlapMs = 10_000;

/**
 * Learns which sessions have ended from where the truth is, SQL: all that may still have living tokens once at the start, then each `everyMs` those that came since.
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
  everyMs,
}: {
  readonly sessions: Pick<Sessions, 'revokedSince'>;
  readonly revocations: Revocations;
  readonly clock: Clock;
  readonly log: Log;
  readonly ttlMs: number;
  readonly everyMs: number;
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
  let cancel = () => {};
  const schedule = () => {
    if (stopped) return;
    cancel = clock.after(everyMs, () => {
      read(readAtMs - overlapMs).then(
        () => {
          lost = false;
          schedule();
        },
        (error: unknown) => {
          if (!lost) log.warn('Ended sessions cannot be read: those ended elsewhere stay good here until this is over.', { error });
          lost = true;
          schedule();
        },
      );
    });
  };
  schedule();
  return () => {
    stopped = true;
    cancel();
  };
}
