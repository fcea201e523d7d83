import { StoreDown } from '../../kit/store-down.ts';

/** Most that wait for their turn; over it Redis counts as too slow. */
const waitingMax = 1_000;

/**
 * Runs at most `most` at once. The others wait for their turn, in the order in which they came.
 * @returns what `run` gives
 * @throws StoreDown when too many wait
 */
export function atOnce(most: number): <T>(run: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (run) => {
    if (running < most) running++;
    else {
      if (waiting.length >= waitingMax) throw new StoreDown('timeout', `${waitingMax} reads wait for Redis already.`);
      await new Promise<void>((turn) => waiting.push(turn)); // takes over the place of the one before
    }
    try {
      return await run();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}
