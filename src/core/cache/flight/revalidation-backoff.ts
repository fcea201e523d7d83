import type { Clock } from '../../kit/clock.ts';
import { openScopedMap, type ScopedKey } from '../../kit/scoped-map.ts';

/** The wait after a computation behind an old answer has failed; it doubles with each failure. Milliseconds. */
const [firstMs, longestMs] = [1_000, 30_000];
/**
 * The largest number of keys, of which one scope has a share. Beyond it the oldest is dropped, and may be tried again
 * at once. A key takes about 500 bytes.
 */
const keysMax = 10_000;

/** Asks a failing upstream for an answer at growing intervals instead of once for each call that gets the old one. */
export type Backoffs = {
  mayTry(key: string): boolean;
  /** @param done whether a new answer is there */
  tried(key: ScopedKey, done: boolean): void;
};

export function openBackoffs(clock: Clock): Backoffs {
  const waits = openScopedMap<{ readonly waitMs: number; readonly untilMs: number }>(keysMax);
  return {
    mayTry: (key) => (waits.get(key)?.untilMs ?? 0) <= clock.monotonicMs(),
    tried: (key, done) => {
      if (done) return waits.delete(key.key);
      const before = waits.get(key.key);
      const nowMs = clock.monotonicMs();
      const again = before !== undefined && nowMs < before.untilMs + longestMs; // else it is another failure than that one
      const waitMs = again ? Math.min(longestMs, before.waitMs * 2) : firstMs;
      waits.set(key, { waitMs, untilMs: nowMs + waitMs });
    },
  };
}
