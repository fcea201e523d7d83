import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keptLog } from '../../../../test/support/log.ts';
import { fakeClock } from '../../../../test/support/time/clock.ts';
import { memoryRevocations } from '../../adapters/memory/revocations.ts';
import { noBroadcasts, pollRevocations, usualIntervals } from './revocation-polling.ts';

test('a read that the database does not answer keeps ended sessions good for seconds, and not until the pool gives it up', async () => {
  const clock = fakeClock();
  const revocations = memoryRevocations(clock);
  const stuck = Promise.withResolvers<readonly string[]>();
  let reads = 0;
  const sessions = {
    revokedSince: (): Promise<readonly string[]> => {
      reads++;
      if (reads === 2) return stuck.promise;
      return Promise.resolve(reads === 1 ? [] : ['ended']);
    },
  };
  const { log, lines } = keptLog();
  const stop = await pollRevocations({ sessions, revocations, clock, log, ttlMs: 60_000, news: noBroadcasts, ...usualIntervals });
  await clock.advance(1_000);
  assert.equal(reads, 2);
  await clock.advance(6_000);
  assert.deepEqual([revocations.has('ended'), lines.length], [true, 1]);
  stuck.resolve(['late']);
  await clock.advance(0);
  assert.equal(revocations.has('late'), true, 'a session has ended, however late that is known');
  stop();
});
