import type { Clock } from '../kit/clock.ts';
import type { Soon } from '../kit/soon.ts';
import { StoreDown } from '../kit/store-down.ts';
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
/** Replies are read after timers: one that has come may lie unread. So there is a last look before we give up. Milliseconds. */
const lastLookMs = 1;

/**
 * @param patienceMs in all, for each call
 * @param idleMs rises while this process has nothing to do. Only that is time spent waiting for the store: while we are busy a call would not get on without it either, and
 *   giving the store up would make us busier still. Questions end by themselves (a quarter of a second in Redis), so that is bounded, too. Default: all time counts
 */
export function havePatience({
  clock,
  counts,
  patienceMs = patienceMaxMs,
  idleMs = clock.monotonicMs,
}: {
  clock: Clock;
  counts: CacheCounts;
  patienceMs?: number;
  idleMs?: () => number;
}): HavePatience {
  return () => {
    let leftMs = patienceMs;
    const wait = <T>(promise: Promise<T>, costs: boolean) =>
      new Promise<T | typeof gone>((resolve, reject) => {
        const startedAtMs = idleMs();
        const spentMs = () => idleMs() - startedAtMs;
        const giveUp = () => {
          leftMs = 0;
          counts.storeFailures.slow++;
          resolve(gone);
        };
        const look = () => {
          const stillMs = leftMs - spentMs();
          cancel = stillMs > 0 ? clock.after(Math.max(1, stillMs), look) : clock.after(lastLookMs, giveUp);
        };
        let cancel = clock.after(leftMs, look);
        const over = () => {
          cancel();
          if (costs) leftMs = Math.max(0, leftMs - spentMs());
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
