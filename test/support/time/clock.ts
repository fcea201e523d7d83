import type { Clock } from '../../../src/core/kit/clock.ts';
import { until } from './until.ts';

export type FakeClock = Clock & { /** Moves the time, calling what is due on the way. */ advance(ms: number): Promise<void> };

/** A clock that moves only when told. */
export function fakeClock(startMs = 1_700_000_000_000): FakeClock {
  let nowMs = startMs;
  type Timer = { readonly atMs: number; callback: (() => void) | undefined };
  const timers: Timer[] = []; // in the order in which they are due, those of one moment in the order in which they were set
  // All microtasks run before an immediate does. It costs one promise: the test runner makes each of them dear.
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  const insert = (timer: Timer) => {
    let [from, to] = [0, timers.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((timers[middle] as Timer).atMs <= timer.atMs) from = middle + 1;
      else to = middle;
    }
    timers.splice(from, 0, timer);
  };
  return {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs - startMs,
    after: (delayMs, callback) => {
      const timer: Timer = { atMs: nowMs + Math.max(0, delayMs), callback };
      insert(timer);
      return () => {
        timer.callback = undefined;
      };
    },
    advance: async (ms) => {
      const endMs = nowMs + ms;
      for (let due = timers[0]; due !== undefined && due.atMs <= endMs; due = timers[0]) {
        timers.shift();
        if (due.callback === undefined) continue;
        nowMs = Math.max(nowMs, due.atMs);
        due.callback();
        await settle();
      }
      nowMs = endMs;
      await settle();
    },
  };
}

/** Lets the time of a fake clock pass, in steps of so many milliseconds, until a call has ended. */
export async function passUntilEnded<T>(clock: FakeClock, call: Promise<T>, stepMs: number): Promise<T> {
  let over = false;
  const ended = call.finally(() => {
    over = true;
  });
  ended.catch(() => {});
  await until('the call has ended', async () => {
    if (!over) await clock.advance(stepMs);
    return over;
  });
  return ended;
}
