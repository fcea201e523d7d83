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
