import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Run, throughputOfOne, throughputOfTwo } from './throughput.ts';

/** Two workers for ten seconds on two cores, 100 µs a call; load and Redis take four seconds of them. */
const saturated: Run = { calls: 160_000, wallSeconds: 10, serverCpuSeconds: 16, idleSeconds: 0, mainThreadSeconds: 0 };
const alone: Run = { calls: 100_000, wallSeconds: 12, serverCpuSeconds: 10, idleSeconds: 5, mainThreadSeconds: 10 };

test('workers that cost each other nothing are twice as fast as one, whatever the load takes', () => {
  assert.equal(throughputOfTwo(saturated) / throughputOfOne(alone), 2);
  const slow = { ...saturated, wallSeconds: 20, calls: 160_000 };
  assert.equal(throughputOfTwo(slow), throughputOfTwo(saturated));
});

test('idle cores, and what the second worker costs the first, count against two workers', () => {
  assert.equal(throughputOfTwo({ ...saturated, serverCpuSeconds: 8, calls: 80_000, idleSeconds: 8 }) / throughputOfOne(alone), 1);
  assert.equal(throughputOfTwo({ ...saturated, serverCpuSeconds: 20 }) / throughputOfOne(alone), 1.6);
});
