import { setTimeout as wait } from 'node:timers/promises';
import type { Cache } from '../../src/core/cache/open-cache.ts';
import { Fault } from '../../src/core/kit/fault.ts';
import type { RaiseOptions } from '../../src/core/ports/tag-versions.ts';

/** Times, 100 ms apart. */
const attemptsMax = 100;

/** Invalidates until it is done: on a busy machine even a Redis that is well now and then answers too late, and is given up for a moment. */
export async function insistOnInvalidating(cache: Cache, tags: readonly string[], options: RaiseOptions = {}): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await cache.invalidate(tags, options);
    } catch (error) {
      if (!(error instanceof Fault && error.reason === 'STORE_DOWN') || attempt === attemptsMax) throw error;
      await wait(100);
    }
  }
}
