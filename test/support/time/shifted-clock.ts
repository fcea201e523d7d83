import type { Clock } from '../../../src/core/kit/clock.ts';

export type ShiftedClock = Clock & { /** Moves the time on, calling what became due. */ shift(ms: number): void };

/** The machine's time, which a test moves on: for whole servers, whose upstream deadlines and timers need a clock that runs. */
export function shiftedClock(): ShiftedClock {
  let shiftMs = 0;
  const nowMs = () => Date.now() + shiftMs;
  const timers = new Set<{ readonly atMs: number; readonly fire: () => void }>();
  return {
    nowMs,
    monotonicMs: () => performance.now() + shiftMs,
    after: (delayMs, callback) => {
      const fire = () => {
        clearTimeout(real);
        if (timers.delete(timer)) callback();
      };
      const timer = { atMs: nowMs() + Math.max(0, delayMs), fire };
      const real = setTimeout(fire, Math.min(Math.max(0, delayMs), 2 ** 31 - 1)).unref();
      timers.add(timer);
      return () => {
        clearTimeout(real);
        timers.delete(timer);
      };
    },
    shift: (ms) => {
      shiftMs += ms;
      for (const { atMs, fire } of [...timers]) if (atMs <= nowMs()) fire();
    },
  };
}
