import type { Clock } from '../../core/kit/clock.ts';
import { slots } from './slot-table.ts';

/** An incomplete request. */
export type Coming = {
  isWhole(): boolean;
  /** Ends it. */
  end(): void;
};

export type RequestTimeouts = {
  /**
   * Ends a request that is not complete in time.
   * @param ms the time limit, checked ten times a second
   * @returns removes it
   */
  watch(coming: Coming, ms: number): () => void;
  close(): void;
};

/** How long the rest of a request may arrive after its answer before it is refused. Whole milliseconds. */
export const restMs = 1_000;
/** The same on a connection with many streams: enough for a client to read its answer first. */
export const restShortMs = 100;

const recheckMs = 100;

/**
 * Ends requests that are not complete in time: they occupy a stream or a connection, and no deadline may apply yet
 * (slowloris). One timer for all, which runs only while there are requests.
 */
export function requestTimeouts(clock: Clock): RequestTimeouts {
  const open = slots<{ readonly coming: Coming; readonly untilMs: number }>();
  let count = 0;
  let cancel: (() => void) | undefined;
  const recheck = () => {
    cancel = undefined;
    const nowMs = clock.monotonicMs();
    for (const { coming, untilMs } of open.all()) if (untilMs <= nowMs && !coming.isWhole()) coming.end();
    if (count > 0) cancel = clock.after(recheckMs, recheck);
  };
  return {
    watch: (coming, ms) => {
      const watched = { coming, untilMs: clock.monotonicMs() + ms };
      const slot = open.put(watched);
      count++;
      cancel ??= clock.after(Math.min(recheckMs, ms), recheck);
      return () => {
        if (open.get(slot) !== watched) return;
        open.drop(slot, watched);
        count--;
      };
    },
    close: () => cancel?.(),
  };
}
