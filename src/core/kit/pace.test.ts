import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeClock } from '../../../test/support/time/clock.ts';
import { openPace } from './pace.ts';

/** A pace whose pieces take CPU time when they begin, and more in the turn after that. */
function open({ most = 4, nowMs = 0, laterMs = 0 } = {}) {
  const clock = fakeClock();
  let cpuMs = 0;
  const begun: number[] = [];
  const pace = openPace({ clock, most, cpuMs: () => cpuMs });
  const work = (n: number) => () => {
    begun.push(n);
    cpuMs += nowMs;
    clock.after(0.5, () => {
      cpuMs += laterMs;
    });
  };
  return { clock, begun, pace, add: (count: number, from = 0) => Array.from({ length: count }, (_, i) => pace(work(from + i))) };
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

test('a little work begins at once, and so does the next after a pause', async () => {
  const { clock, begun, add } = open();
  for (const from of [0, 4, 8]) {
    add(4, from);
    assert.equal(begun.length, from + 4);
    await clock.advance(10);
  }
  assert.deepEqual(begun, numbers(12));
});

test('much work at once begins in order, so much in a millisecond', async () => {
  const { clock, begun, add } = open();
  add(100);
  assert.equal(begun.length, 4);
  await clock.advance(1);
  assert.equal(begun.length, 8);
  await clock.advance(30);
  assert.deepEqual(begun, numbers(100));
});

test('work that makes turns too long begins one by one, also when its cost comes later', async () => {
  for (const cost of [{ nowMs: 6 }, { laterMs: 6 }]) {
    const { clock, begun, add } = open(cost);
    add(100);
    await clock.advance(10);
    const slow = begun.length;
    await clock.advance(10);
    assert.equal(begun.length, slow + 10, JSON.stringify(cost));
    await clock.advance(100);
    assert.deepEqual(begun, numbers(100));
  }
});

test('a thread that others keep from its core begins more when it has it', () => {
  let nowMs = 0;
  let tick = () => {};
  const after = (_delayMs: number, callback: () => void) => {
    tick = callback;
    return () => {};
  };
  const clock = { monotonicMs: () => nowMs, after };
  const pace = openPace({ clock, most: 4, cpuMs: () => 0 });
  let begun = 0;
  for (let i = 0; i < 40; i++) pace(() => begun++);
  assert.equal(begun, 4);
  nowMs += 50;
  tick();
  assert.equal(begun, 12);
});

test('work that is taken back does not begin', async () => {
  const { clock, begun, add } = open();
  const back = add(10);
  back[6]?.();
  back[0]?.(); // it has begun
  await clock.advance(10);
  assert.deepEqual(begun, [0, 1, 2, 3, 4, 5, 7, 8, 9]);
});
