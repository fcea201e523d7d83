// The race on real Redis: two replicas with connections of their own, one truth.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Redis } from '../../src/core/adapters/redis/connection/open-redis.ts';
import type { Cache } from '../../src/core/cache/open-cache.ts';
import { openedRedis } from '../support/redis/opened-redis.ts';
import { type RedisPlace, sharedCluster, sharedRedis } from '../support/redis/redis.ts';
import { stall } from './fence.ts';
import { insistOnInvalidating } from './insist.ts';
import { everything, race } from './race.ts';
import { replicasOf, sleep } from './redis-world.ts';

/** Longer than in memory: a busy machine takes its time for each step. Milliseconds. */
const leaseMs = 80;
for (const [name, shared] of [
  ['one Redis', sharedRedis],
  ['a Redis Cluster', sharedCluster],
] as const) {
  describe(`two replicas on ${name}`, () => {
    let connections: readonly Redis[];
    before(async () => {
      const place: RedisPlace = await shared();
      connections = [await openedRedis(place), await openedRedis(place)];
    });
    after(() => {
      for (const redis of connections) redis.close();
    });

    test('no answer computed before an invalidation is served as fresh after it, and a flight computes once', async () => {
      const replicas = replicasOf(connections, 1);
      // a Cluster takes late tags for raised until it has been known for as long as the clocks of its nodes may differ
      for (const shelf of ['shelf:0', 'shelf:1']) await insistOnInvalidating(replicas.caches[0] as Cache, [shelf]);
      if (name === 'a Redis Cluster') await sleep(2_100);
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
      const { staleAsFresh, foreign, failures, results } = await race({ ...replicasOf(connections, 3), ...options });
      assert.deepEqual({ staleAsFresh, foreign, failures }, { staleAsFresh: [], foreign: [], failures: [] });
      for (const result of ['hit', 'miss', 'coalesced', 'stream', 'watch']) assert.ok((results[result] ?? 0) > 0, `there was no ${result}`);
    });

    test('fresh answers never go back, though computations stall past their leases', async () => {
      const { wentBack, hits, stalls } = await stall({ ...replicasOf(connections, 5, { leaseMs }), leaseMs, reads: 12 });
      assert.deepEqual(wentBack, []);
      assert.ok(hits > 0 && stalls > 0, `${hits} hits, ${stalls} stalls`);
    });
  });
}
