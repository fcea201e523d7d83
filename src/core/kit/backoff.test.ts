import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoffMs } from './backoff.ts';

const backoff = { firstMs: 100, factor: 2, mostMs: 1_000, least: 0.5, spread: 0.5 };

test('waits grow up to the longest, however many failures there were', () => {
  const waits = [1, 2, 4, 5, 50, 5_000].map((n) => backoffMs(backoff, n, () => 1));
  assert.deepEqual(waits, [100, 200, 800, 1_000, 1_000, 1_000]);
});

test('chance takes away at most what the spread allows', () => {
  assert.deepEqual(
    [0, 0.5, 1].map((random) => backoffMs(backoff, 1, () => random)),
    [50, 75, 100],
  );
});
