// Safeguards are taken out on a real Redis, and the race has to find each. `npm run test:thorough`
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Redis } from '../../src/core/adapters/redis/connection/open-redis.ts';
import { openedRedis } from '../support/redis/opened-redis.ts';
import { type RedisPlace, sharedCluster, sharedRedis } from '../support/redis/redis.ts';
import { stall } from './fence.ts';
import { race } from './race.ts';
import { replicasOf } from './redis-world.ts';
import { withoutFence, withoutLeases, withoutSealing, withoutVersionCheck } from './replicas.ts';

const leaseMs = 80; // as in redis-race.test.ts
/** Real servers repeat no history, so what has to be found is looked for several times. */
async function found(look: (seed: number) => Promise<boolean>): Promise<void> {
  for (let seed = 1; seed <= 6; seed++) if (await look(seed)) return;
  assert.fail('It was not found.');
}
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

    test('the race finds replicas that do not check versions', async () => {
      await found(async (seed) => {
        const { staleAsFresh } = await race({ ...replicasOf(connections, seed, { without: withoutVersionCheck }), ttlMs: 1_000, hitsBetween: 20 });
        return staleAsFresh.some((answer) => answer.startsWith('hit'));
      });
    });

    test('the race finds replicas whose flights are not sealed', async () => {
      await found(async (seed) => {
        const options = { ttlMs: 1_000, reads: 15, computeMs: 30, invalidations: 120 };
        const { staleAsFresh } = await race({ ...replicasOf(connections, seed, { without: withoutSealing }), ...options });
        return staleAsFresh.some((answer) => answer.startsWith('coalesced'));
      });
    });

    test('the race finds replicas that do not ask who else computes', async () => {
      await found(async (seed) => {
        const { doubled } = await race({ ...replicasOf(connections, seed, { without: withoutLeases }), ttlMs: 30, reads: 6, invalidations: 0 });
        return doubled.length > 0;
      });
    });

    test('stalling finds a store that does not ask for the lease', async () => {
      await found(async (seed) => {
        const { wentBack } = await stall({ ...replicasOf(connections, seed, { leaseMs, without: withoutFence }), leaseMs, reads: 12 });
        return wentBack.length > 0;
      });
    });
  });
}
