import type { Clock } from '../kit/clock.ts';
import type { Soon } from '../kit/soon.ts';
import { StoreDown } from '../kit/store-down.ts';
import type { CacheCounts } from './cache-metrics.ts';

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
 * Under overload a process is never idle. If its event loop turns and finds no reply, the store is slow. After this
 * many budgets of turning a call waits for no further answer; the last one ends by itself (after 250 ms in Redis).
 */
const turningBudgets = 3.25;
/**
 * How often it is looked whether the event loop turns. A turn that takes long says nothing of the store, and counts as
 * five of these. Milliseconds.
 */
const turnMs = 10;
/** Looks that cost nothing: a read is sent after the first one, at the end of a turn, and answered after the second. */
const looksFree = 2;
/**
 * Timers run before replies are read, so a reply may have arrived unread. There is a last look before the call gives
 * up. Milliseconds.
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
  const parts = { watch: watchQuestions(clock, idleMs), counts };
  return () => new CallBudget(parts, waitMs);
}

/** A class, because every call of a cached method makes one. Its states: something is left, then nothing is. */
class CallBudget implements WaitBudget {
  readonly #parts: { readonly watch: Watch; readonly counts: CacheCounts };
  #leftMs: number;
  #turningLeftMs: number;

  constructor(parts: { readonly watch: Watch; readonly counts: CacheCounts }, waitMs: number) {
    this.#parts = parts;
    this.#leftMs = waitMs;
    this.#turningLeftMs = waitMs * turningBudgets;
  }

  wait<T>(soon: Soon<T>): Soon<T | typeof unavailable> {
    return soon instanceof Promise ? this.#waitFor(soon, true) : soon;
  }

  whileWaiting(): WaitBudget {
    const free: WaitBudget = { wait: (soon) => (soon instanceof Promise ? this.#waitFor(soon, false) : soon), whileWaiting: () => free };
    return free;
  }

  #waitFor<T>(promise: Promise<T>, costs: boolean): Soon<T | typeof unavailable> {
    const { watch, counts } = this.#parts;
    if (this.#leftMs <= 0 || this.#turningLeftMs <= 0) {
      promise.catch(() => {}); // nobody waits for it any more, and the failure before it was counted
      return unavailable;
    }
    return new Promise((resolve, reject) => {
      const question = watch.begin(this.#leftMs, () => {
        this.#leftMs = 0;
        counts.storeFailures.slow++;
        resolve(unavailable);
      });
      const over = (value: T | typeof unavailable) => {
        const { spentMs, turnedMs } = watch.end(question);
        this.#leftMs = costs ? Math.max(0, this.#leftMs - spentMs) : this.#leftMs;
        this.#turningLeftMs -= costs ? turnedMs : 0;
        resolve(value);
      };
      promise.then(over, (error: unknown) => {
        if (error instanceof StoreDown) counts.storeFailures.down++;
        else reject(error);
        over(unavailable);
      });
    });
  }
}

type Question = { readonly idleMs: number; readonly leftMs: number; readonly giveUp: () => void; looks: number; turnedMs: number };
type Watch = ReturnType<typeof watchQuestions>;

/** Watches over all questions with one timer: each cached call asks one. */
function watchQuestions(clock: Clock, idleMs: () => number) {
  const open = new Set<Question>();
  let lastMs = 0; // of the last look
  let nextMs = Number.POSITIVE_INFINITY; // of the timer; infinite while there is none
  let cancel = () => {};
  const arm = (delayMs: number) => {
    cancel();
    nextMs = clock.monotonicMs() + delayMs;
    cancel = clock.after(delayMs, tick);
  };
  const tick = () => {
    const turnedMs = Math.min(clock.monotonicMs() - lastMs, 5 * turnMs);
    lastMs = clock.monotonicMs();
    for (const question of open) if (question.looks++ >= looksFree) question.turnedMs += turnedMs;
    nextMs = Number.POSITIVE_INFINITY;
    const nowIdleMs = idleMs();
    const stillMs = (question: Question) => question.idleMs + question.leftMs - nowIdleMs;
    const late = [...open].filter((question) => stillMs(question) <= 0);
    const endLate = () => {
      for (const question of late) if (open.delete(question)) question.giveUp();
    };
    if (late.length > 0) clock.after(lastLookMs, endLate);
    if (open.size > 0) arm([...open].reduce((soonest, question) => Math.min(soonest, Math.max(1, stillMs(question))), turnMs));
  };
  return {
    /** @param leftMs of idle time, after which `giveUp` is called */
    begin: (leftMs: number, giveUp: () => void): Question => {
      const question = { idleMs: idleMs(), leftMs, giveUp, looks: 0, turnedMs: 0 };
      if (nextMs === Number.POSITIVE_INFINITY) lastMs = clock.monotonicMs();
      if (clock.monotonicMs() + Math.min(turnMs, leftMs) < nextMs) arm(Math.min(turnMs, leftMs));
      open.add(question);
      return question;
    },
    /** @returns the idle time since it began, and the time in which the loop turned without a reply. Milliseconds */
    end: (question: Question) => {
      open.delete(question);
      return { spentMs: idleMs() - question.idleMs, turnedMs: question.turnedMs };
    },
  };
}
