import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeClock } from '../../../../test/support/time/clock.ts';
import { statusCodes } from '../../kit/reasons.ts';
import { failuresPerSecondMax, sampledPerSecondMax, sampler } from './sampling.ts';

const traceId = '0'.repeat(32);
const failed = { sampled: false, code: statusCodes.UNAVAILABLE, reason: 'UPSTREAM_DOWN' } as const;
const taken = (take: () => boolean) => Array.from({ length: 1_000 }, take).filter(Boolean).length;

test('an outage records a bounded number of failed calls per second, and takes no room from other calls', async () => {
  const clock = fakeClock();
  const sampled = sampler({ current: 1 }, clock);
  assert.equal(
    taken(() => sampled.records(failed)),
    failuresPerSecondMax,
  );
  assert.equal(
    taken(() => sampled.ofTrace(traceId)),
    sampledPerSecondMax,
  );
  await clock.advance(1_000);
  assert.equal(
    taken(() => sampled.records(failed)),
    failuresPerSecondMax,
    'and again in the next second',
  );
});

test('failed calls are recorded at any ratio', () => {
  const sampled = sampler({ current: 0 }, fakeClock());
  assert.equal(sampled.ofTrace(traceId), false);
  assert.equal(sampled.records(failed), true);
});
