import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openRate } from './rate-limit.ts';

test('so many steps at once, then so many in a second, for each key by itself', () => {
  let nowMs = 0;
  const rate = openRate({ perSecond: 2, burst: 10 }, () => nowMs);
  const taken = (key: string) => {
    let steps = 0;
    while (rate.take(key)) steps++;
    return steps;
  };
  assert.deepEqual([taken('a'), taken('a'), taken('b')], [10, 0, 10]);
  nowMs = 1_500;
  assert.deepEqual([taken('a'), taken('c')], [3, 10]);
  nowMs = 3_600_000;
  assert.deepEqual([taken('a'), taken('b')], [10, 10]);
});

test('several steps are taken together or not at all, and given back', () => {
  let nowMs = 0;
  const rate = openRate({ perSecond: 1, burst: 10 }, () => nowMs);
  assert.deepEqual([rate.take('a', 7), rate.take('a', 4), rate.take('a', 3), rate.take('a')], [true, false, true, false]);
  rate.giveBack('a', 7);
  assert.deepEqual([rate.take('a', 8), rate.take('a', 7)], [false, true]);
  nowMs = 5_000;
  rate.giveBack('a', 1_000);
  rate.giveBack('never taken', 5);
  assert.deepEqual([rate.take('a', 11), rate.take('a', 10), rate.take('never taken', 11), rate.take('never taken', 10)], [false, true, false, true]);
});
