import type { Clock } from '../kit/clock.ts';
import type { Soon } from '../kit/soon.ts';
import { StoreDown } from '../kit/store-down.ts';
import type { CacheCounts } from './counts.ts';

/** In place of an answer of the shared store: it is down, or was waited for long enough. */
export const unavailable = Symbol('unavailable');

/** How long one call waits for the shared store, in all its questions together. */
export type WaitBudget = {
  /**
   * The value, or `unavailable`. A value that is there at once (memory) costs nothing.
   * @throws what is no StoreDown: a mistake of ours
   */
  wait<T>(soon: Soon<T>): Soon<T | typeof unavailable>;
  /**
   * The same budget, for questions asked while something else is waited for: an answer costs nothing, and one that does
   * not come uses it all up.
   */
  whileWaiting(): WaitBudget;
};

/** Opens the budget of one call. */
export type OpenWaitBudget = () => WaitBudget;

/**
 * The longest that one call's read path waits for the shared store while this process has nothing to do: beyond it a
 * computation is the better answer. Milliseconds.
 */
export const waitMaxMs = 50;
/**
 * Under overload a process is never idle, though its event loop turns and finds no reply: then it is the store that is
 * slow. When a call's questions have taken so many budgets of turning, no further one is asked; the last one ends by
 * itself (a quarter of a second in Redis).
 */
const turningBudgets = 3.25;
/**
 * How often it is looked whether the event loop turns. A turn that takes long says nothing of the store, and counts as
 * five of these. Milliseconds.
 */
const turnMs = 10;
/**
 * Replies are read after timers: one that has come may lie unread. So there is a last look before we give up.
 * Milliseconds.
 */
const lastLookMs = 1;

/**
 * @param waitMs in all, for each call
 * @param idleMs rises while this process has nothing to do. Only that is time spent waiting for the store: while we are
 * busy a call would not get on without it either, and giving the store up would make us busier still. Default: all
 * time counts
 */
export function waitBudgets({
  clock,
  counts,
  waitMs = waitMaxMs,
  idleMs = clock.monotonicMs,
}: {
  clock: Clock;
  counts: CacheCounts;
  waitMs?: number;
  idleMs?: () => number;
}): OpenWaitBudget {
  const turning = measureTurning(clock);
  return () => {
    let leftMs = waitMs;
    let turningLeftMs = waitMs * turningBudgets;
    const waitFor = <T>(promise: Promise<T>, costs: boolean) =>
      new Promise<T | typeof unavailable>((resolve, reject) => {
        const startedAtMs = idleMs();
        const turnedMs = turning.begin();
        const spentMs = () => idleMs() - startedAtMs;
        const giveUp = () => {
          leftMs = 0;
          turnedMs();
          counts.storeFailures.slow++;
          resolve(unavailable);
        };
        const look = () => {
          const stillMs = leftMs - spentMs();
          cancel = stillMs > 0 ? clock.after(Math.max(1, stillMs), look) : clock.after(lastLookMs, giveUp);
        };
        let cancel = clock.after(leftMs, look);
        const over = () => {
          cancel();
          const turned = turnedMs();
          if (!costs) return;
          leftMs = Math.max(0, leftMs - spentMs());
          turningLeftMs -= turned;
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
            resolve(unavailable);
          },
        );
      });
    const budget = (costs: boolean): WaitBudget => ({
      wait: (soon) => {
        if (!(soon instanceof Promise)) return soon;
        if (leftMs > 0 && turningLeftMs > 0) return waitFor(soon, costs);
        soon.catch(() => {}); // nobody waits for it any more, and the failure before it was counted
        return unavailable;
      },
      whileWaiting: () => budget(false),
    });
    return budget(true);
  };
}

/** Measures the time in which the event loop turned while somebody waited, with one timer for all. */
function measureTurning(clock: Clock): { /** @returns ends it, with what it was: milliseconds */ readonly begin: () => () => number } {
  let waiting = 0;
  let sumMs = 0;
  let lastMs = 0;
  let ticking = false;
  const count = () => {
    const nowMs = clock.monotonicMs();
    sumMs += Math.min(nowMs - lastMs, 5 * turnMs);
    lastMs = nowMs;
  };
  const tick = () => {
    count();
    ticking = waiting > 0;
    if (ticking) clock.after(turnMs, tick);
  };
  return {
    begin: () => {
      waiting++;
      if (!ticking) {
        ticking = true;
        lastMs = clock.monotonicMs();
        clock.after(turnMs, tick);
      }
      const beforeMs = sumMs;
      let over = false;
      return () => {
        if (!over) waiting--;
        over = true;
        count();
        return sumMs - beforeMs;
      };
    },
  };
}
