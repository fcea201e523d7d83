import { StoreDown } from '../../kit/store-down.ts';
import type { Bus } from '../../ports/bus.ts';
import type { Log } from '../../ports/log.ts';

const topic = 'erased-users';

/**
 * Forgets users at once whom any replica erases. What the bus loses is read in SQL within seconds: see `openErasing`.
 * @param forget what this process has of these users in its memory
 * @returns ends it
 */
export function forgetErasedUsers({
  bus,
  forget,
  log,
}: {
  readonly bus: Bus;
  readonly forget: (userIds: readonly string[]) => Promise<void>;
  readonly log: Log;
}): () => void {
  const leaving = new AbortController();
  const failed = (error: unknown) => log.error('What is in memory of an erased user could not be deleted.', { error });
  const onMessage = (bytes: Uint8Array) => void forget([Buffer.from(bytes).toString()]).catch(failed);
  bus.subscribe(topic, { onMessage, onGap: () => {} }, leaving.signal).catch(() => {}); // ended only by closing
  return () => leaving.abort();
}

/** Resolved when all replicas were notified, or the bus is unavailable. */
export async function notifyReplicas(bus: Bus, userId: string): Promise<void> {
  try {
    await bus.publish(topic, Buffer.from(userId));
  } catch (error) {
    if (!(error instanceof StoreDown)) throw error;
  }
}
