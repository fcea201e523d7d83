import type { Clock } from '../../kit/clock.ts';
import type { Computed } from '../computed-answer.ts';

/**
 * How long an answer with parts missing serves those who come after it, so that a failing upstream is not asked once
 * for each of them. Milliseconds.
 */
const momentMs = 250;
/** Bodies kept for a moment, all together; over it the oldest goes. Bytes. */
const bytesMax = 4 * 1_048_576;

/** Answers with parts missing: never stored, but good for another moment. */
export type Partials = {
  /** @param timeMs that its parts had */
  keep(key: string, computed: Computed, timeMs: number): void;
  /** @param leastMs that its parts must have had: with more time another might have come */
  find(key: string, leastMs?: number): Computed | undefined;
};

export function openPartials(clock: Clock): Partials {
  const kept = new Map<string, { readonly computed: Computed; readonly timeMs: number; readonly untilMs: number }>(); // in the order of their ends
  let bytes = 0;
  const drop = (key: string) => {
    const partial = kept.get(key);
    if (partial === undefined) return;
    kept.delete(key);
    bytes -= partial.computed.body.byteLength;
  };
  const dropOver = () => {
    for (const [key, { untilMs }] of kept) {
      if (bytes <= bytesMax && clock.monotonicMs() < untilMs) return;
      drop(key);
    }
  };
  return {
    keep: (key, computed, timeMs) => {
      drop(key);
      kept.set(key, { computed, timeMs, untilMs: clock.monotonicMs() + momentMs });
      bytes += computed.body.byteLength;
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
