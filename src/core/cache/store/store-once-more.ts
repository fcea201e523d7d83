import type { Clock } from '../../kit/clock.ts';
import { openFairPlaces } from '../../kit/concurrency-by-key.ts';
import { never } from '../../kit/ending.ts';
import { StoreDown } from '../../kit/store-down.ts';
import { pause } from '../../kit/until-called.ts';

/** When a store that did not take an answer is tried once more. Milliseconds. */
const againMs = 100;
/** Bodies that wait for that, all together. Beyond it answers are not stored. Bytes. */
const bytesMax = 16 * 1_048_576;

/**
 * Stores an answer once more that the shared store did not take. A store that refused it, or has no memory left, would
 * do so again.
 * @throws the failure, when it is not tried again or has failed again
 */
export type OnceMore = <T>(scope: string, bytes: number, storing: Promise<T>, store: () => T | Promise<T>) => Promise<T>;

export function storeOnceMore(clock: Clock): OnceMore {
  const takeRoom = openFairPlaces(bytesMax);
  return async (scope, bytes, storing, store) => {
    try {
      return await storing;
    } catch (error) {
      if (!(error instanceof StoreDown) || error.why === 'full' || error.why === 'refused') throw error;
      const giveBack = takeRoom(scope, bytes);
      if (giveBack === undefined) throw error;
      await pause(clock, againMs, never);
      giveBack();
      return store();
    }
  };
}
