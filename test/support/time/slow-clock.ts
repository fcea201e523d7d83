import type { Clock } from '../../../src/core/kit/clock.ts';
import { systemClock } from '../../../src/wire/system-clock.ts';

const slower = 20;

/** Time in which every time limit is twenty times as long: for tests of what is answered, on machines that are busy. */
export const slowClock: Clock = {
  nowMs: systemClock.nowMs,
  monotonicMs: () => systemClock.monotonicMs() / slower,
  after: (delayMs, callback) => systemClock.after(delayMs * slower, callback),
};
