import type { Clock } from '../../kit/clock.ts';
import { openScopedMap, type ScopedKey } from '../../kit/scoped-map.ts';
import type { Computed } from '../computed-answer.ts';

/**
 * How long an answer with parts missing serves those who come after it, so that a failing upstream is not asked once
 * for each of them. Milliseconds.
 */
const momentMs = 250;
/** What an answer takes beside its body. Bytes. */
const overheadBytes = 1_000;
/** Bodies kept for a moment, all together, of which one scope has a share. Bytes. */
const bytesMax = 16 * 1_048_576;

/** Answers with parts missing: never stored, but good for another moment. */
export type Partials = {
  /** @param timeMs that its parts had */
  keep(key: ScopedKey, computed: Computed, timeMs: number): void;
  /** @param leastMs that its parts must have had: with more time another might have come */
  find(key: string, leastMs?: number): Computed | undefined;
};

export function openPartials(clock: Clock): Partials {
  const kept = openScopedMap<{ readonly computed: Computed; readonly timeMs: number; readonly untilMs: number }>(bytesMax); // in the order of their ends
  const dropOver = () => {
    for (let oldest = kept.oldest(); oldest !== undefined && clock.monotonicMs() >= oldest[1].untilMs; oldest = kept.oldest()) kept.delete(oldest[0]);
  };
  return {
    keep: (key, computed, timeMs) => {
      kept.set(key, { computed, timeMs, untilMs: clock.monotonicMs() + momentMs }, overheadBytes + computed.body.byteLength);
      dropOver();
    },
    find: (key, leastMs = 0) => {
      if (kept.size === 0) return undefined;
      dropOver();
      const partial = kept.get(key);
      return partial !== undefined && partial.timeMs >= leastMs ? partial.computed : undefined;
    },
  };
}
