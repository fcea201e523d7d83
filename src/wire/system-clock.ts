import { openYoungCollector } from '../core/adapters/v8/young-garbage.ts';
import type { Clock } from '../core/kit/clock.ts';
import { openYielding } from '../core/kit/yield-to-calls.ts';

/** Above this delay Node's timers fire after 1 ms. */
const timeoutMax = 2 ** 31 - 1;

/** The machine's time. Its timers do not keep the process alive; listeners do. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, Math.min(Math.max(delayMs, 0), timeoutMax));
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Opens a line of steps that yield to what else this process does. */
export const openLine = openYielding({
  busyMs: () => performance.eventLoopUtilization().active,
  nowMs: systemClock.monotonicMs,
  collectYoung: openYoungCollector(),
});
