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
};

/** Begins to wait. */
export type HavePatience = () => Patience;

/** The longest that one call's read path waits for the shared store: beyond it a computation is the better answer. Milliseconds. */
export const patienceMaxMs = 50;
/** After a stall of ours its reply may be there, unread: one more turn of the event loop before we give it up. Milliseconds. */
const lastLookMs = 1;

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
    const wait = <T>(promise: Promise<T>) =>
      new Promise<T | typeof gone>((resolve, reject) => {
        const startedAtMs = clock.monotonicMs();
        let cancel = clock.after(leftMs, () => {
          cancel = clock.after(lastLookMs, () => {
            leftMs = 0;
            counts.storeFailures.slow++;
            resolve(gone);
          });
        });
        const over = () => {
          cancel();
          leftMs = Math.max(0, leftMs - (clock.monotonicMs() - startedAtMs));
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
    return {
      wait: (soon) => {
        if (!(soon instanceof Promise)) return soon;
        if (leftMs > 0) return wait(soon);
        soon.catch(() => {}); // nobody waits for it any more, and the failure before it was counted
        return gone;
      },
    };
  };
}
