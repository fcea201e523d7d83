// The race on real Redis: two replicas with connections of their own, one truth.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cache } from '../../src/core/cache/open-cache.ts';
import { stall } from './fence.ts';
import { insistOnInvalidating } from './insist.ts';
import { everything, race } from './race.ts';
import { replicasOf, sleep } from './redis-world.ts';
import { onRedisAndCluster } from './two-redis-places.ts';

/** Longer than in memory: a busy machine takes its time for each step. Milliseconds. */
const leaseMs = 80;
onRedisAndCluster((connections, isCluster) => {
  test('no answer computed before an invalidation is served as fresh after it, and a flight computes once', async () => {
    const replicas = replicasOf(connections(), 1);
    // a Cluster takes late tags for raised until it has been known for as long as the clocks of its nodes may differ
    for (const shelf of ['shelf:0', 'shelf:1']) await insistOnInvalidating(replicas.caches[0] as Cache, [shelf]);
    if (isCluster) await sleep(2_100);
    const { staleAsFresh, foreign, doubled, failures, results, computes } = await race({
      ...replicas,
      ttlMs: 1_000,
      hitsBetween: 200,
    });
    assert.deepEqual({ staleAsFresh, foreign, doubled, failures }, { staleAsFresh: [], foreign: [], doubled: [], failures: [] });
    for (const result of ['hit', 'miss', 'coalesced']) assert.ok((results[result] ?? 0) > 0, `there was no ${result}`);
    assert.ok(computes > 20);
  });

  test('with streams and their parts, watches, partial answers, soft and settling invalidations: the same', async () => {
    const options = { ...everything, ttlMs: 1_000, staleWhileRevalidateMs: 500, hitsBetween: 50 };
    const { staleAsFresh, foreign, failures, results } = await race({ ...replicasOf(connections(), 3), ...options });
    assert.deepEqual({ staleAsFresh, foreign, failures }, { staleAsFresh: [], foreign: [], failures: [] });
    for (const result of ['hit', 'miss', 'coalesced', 'stream', 'watch']) assert.ok((results[result] ?? 0) > 0, `there was no ${result}`);
  });

  test('fresh answers never go back, though computations stall past their leases', async () => {
    const { wentBack, hits, stalls } = await stall({ ...replicasOf(connections(), 5, { leaseMs }), leaseMs, reads: 12 });
    assert.deepEqual(wentBack, []);
    assert.ok(hits > 0 && stalls > 0, `${hits} hits, ${stalls} stalls`);
  });
});
