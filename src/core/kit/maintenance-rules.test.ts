import assert from 'node:assert/strict';
import { test } from 'node:test';
import { comeBackMs } from './maintenance-rules.ts';

test('a client comes back after the end, or once a minute, at its own moment of the spread', () => {
  for (const [leftMs, random, expected] of [
    [10_000, 0, 10_000],
    [10_000, 0.5, 25_000],
    [3_600_000, 0, 60_000],
    [3_600_000, 0.5, 75_000],
    [-5, 0, 0],
    [1.5, 0, 2],
  ] as const)
    assert.equal(comeBackMs(leftMs, { spreadMs: 30_000, random: () => random }), expected);
});
