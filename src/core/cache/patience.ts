import type { Clock } from '../kit/clock.ts';
import { StoreDown } from '../kit/store-down.ts';
import type { Soon } from '../ports/soon.ts';
import type { CacheCounts } from './counts.ts';

/** In place of an answer of the shared store: it is down, or was waited for long enough. */
export const gone = Symbol('gone');

/** How long one call waits for the shared store, in all its questions together. */
export type Patience = {
  /** The value, or `gone`. A value that is there at once (memory) costs nothing. @throws what is no StoreDown: a mistake of ours */
  wait<T>(soon: Soon<T>): Soon<T | typeof gone>;
  /** The same patience, for questions asked while something else is waited for: an answer costs nothing, and one that does not come uses it all up. */
  whileWaiting(): Patience;
};

/** Begins to wait. */
export type HavePatience = () => Patience;

/** The longest that one call's read path waits for the shared store: beyond it a computation is the better answer. Milliseconds. */
export const patienceMaxMs = 50;
/** A timer that comes later than this was kept by ourselves: the reply may be there, unread, and is not to blame. Milliseconds. */
const stallMs = 2;
/** Once more we look in any case; how often at most while we stall. */
const looksMax = 5;

/** @param patienceMs in all, for each call */
export function havePatience({
  clock,
  counts,
  patienceMs = patienceMaxMs,
}: {
  clock: Clock;
  counts: CacheCounts;
  patienceMs?: number;
}): HavePatience {
  return () => {
    let leftMs = patienceMs;
    const wait = <T>(promise: Promise<T>, costs: boolean) =>
      new Promise<T | typeof gone>((resolve, reject) => {
        const startedAtMs = clock.monotonicMs();
        const giveUpAfter = (ms: number, looks: number): (() => void) => {
          const dueMs = clock.monotonicMs() + ms;
          return clock.after(ms, () => {
            const lateMs = clock.monotonicMs() - dueMs;
            if (looks === 0 || (lateMs > stallMs && looks < looksMax)) {
              cancel = giveUpAfter(Math.min(Math.max(1, lateMs), patienceMs), looks + 1);
              return;
            }
            leftMs = 0;
            counts.storeFailures.slow++;
            resolve(gone);
          });
        };
        let cancel = giveUpAfter(leftMs, 0);
        const over = () => {
          cancel();
          if (costs) leftMs = Math.max(0, leftMs - (clock.monotonicMs() - startedAtMs));
        };
        promise.then(
          (value) => {
            over();
            resolve(value);
          },
          (error: unknown) => {
            over();
            if (!(error instanceof StoreDown)) return reject(error);
            counts.storeFailures.down++;
            resolve(gone);
          },
        );
      });
    const patience = (costs: boolean): Patience => ({
      wait: (soon) => {
        if (!(soon instanceof Promise)) return soon;
        if (leftMs > 0) return wait(soon, costs);
        soon.catch(() => {}); // nobody waits for it any more, and the failure before it was counted
        return gone;
      },
      whileWaiting: () => patience(false),
    });
    return patience(true);
  };
}
