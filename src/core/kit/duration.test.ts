import assert from 'node:assert/strict';
import { test } from 'node:test';
import { durationText, parseDurationMs } from './duration.ts';

test('a duration is a number with ms, s, m or h, and nothing else is one', () => {
  const read = ['800ms', '1.5s', '5m', '1h', '0s', '0.001s'].map(parseDurationMs);
  assert.deepEqual(read, [800, 1_500, 300_000, 3_600_000, 0, 1]);
  for (const wrong of ['', '5', 's', '-1s', '1 s', '1d', '1.5', '1e3s', ' 1s', '1s ', '1.2345s', '١s', '9999999999s']) {
    assert.equal(parseDurationMs(wrong), undefined, wrong);
  }
});

test('a duration is written in the largest unit that leaves a whole number, and can be read back', () => {
  assert.deepEqual([0, 1, 1_500, 90_000, 300_000, 86_400_000].map(durationText), ['0ms', '1ms', '1500ms', '90s', '5m', '24h']);
  for (const ms of [1, 999, 1_000, 61_000, 3_600_000]) assert.equal(parseDurationMs(durationText(ms)), ms);
});
