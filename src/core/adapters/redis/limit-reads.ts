import { type Limiter, openLimiter } from '../../kit/concurrency-limiter.ts';
import { StoreDown } from '../../kit/store-down.ts';

/** Most reads that wait for their turn; over it Redis counts as too slow. */
const waitingMax = 1_000;

/** @returns runs at most `atOnce` reads at once; it throws StoreDown when too many wait */
export function limitReads(atOnce: number): Limiter {
  return openLimiter(atOnce, { waitingMax, tooMany: () => new StoreDown('timeout', `${waitingMax} reads wait for Redis already.`) });
}
