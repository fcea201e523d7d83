import { setTimeout as sleep } from 'node:timers/promises';
import type { Counts } from '../counts.ts';

/** Does it again after each of the pauses, as long as it fails: a machine may be busy for longer than a deadline. */
export async function tryAgain<T>(what: string, pausesMs: readonly number[], counts: Counts, work: () => Promise<T>): Promise<T> {
  for (const pauseMs of pausesMs) {
    try {
      return await work();
    } catch {
      counts.done(`${what} that were tried again`);
      await sleep(pauseMs);
    }
  }
  return work();
}
