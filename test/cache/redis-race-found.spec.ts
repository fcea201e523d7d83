// Safeguards are taken out on a real Redis, and the race has to find each. `npm run test:thorough`
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stall } from './fence.ts';
import { race } from './race.ts';
import { replicasOf } from './redis-world.ts';
import { withoutFence, withoutLeases, withoutSealing, withoutVersionCheck } from './replicas.ts';
import { onRedisAndCluster } from './two-redis-places.ts';

const leaseMs = 80; // as in redis-race.test.ts
/** Real servers repeat no history, so what has to be found is looked for several times. */
async function found(look: (seed: number) => Promise<boolean>): Promise<void> {
  for (let seed = 1; seed <= 6; seed++) if (await look(seed)) return;
  assert.fail('It was not found.');
}
onRedisAndCluster((connections) => {
  test('the race finds replicas that do not check versions', async () => {
    await found(async (seed) => {
      const { staleAsFresh } = await race({ ...replicasOf(connections(), seed, { without: withoutVersionCheck }), ttlMs: 1_000, hitsBetween: 20 });
      return staleAsFresh.some((answer) => answer.startsWith('hit'));
    });
  });

  test('the race finds replicas whose flights are not sealed', async () => {
    await found(async (seed) => {
      const options = { ttlMs: 1_000, reads: 15, computeMs: 30, invalidations: 120 };
      const { staleAsFresh } = await race({ ...replicasOf(connections(), seed, { without: withoutSealing }), ...options });
      return staleAsFresh.some((answer) => answer.startsWith('coalesced'));
    });
  });

  test('the race finds replicas that do not ask who else computes', async () => {
    await found(async (seed) => {
      const { doubled } = await race({ ...replicasOf(connections(), seed, { without: withoutLeases }), ttlMs: 30, reads: 6, invalidations: 0 });
      return doubled.length > 0;
    });
  });

  test('stalling finds a store that does not ask for the lease', async () => {
    await found(async (seed) => {
      const { wentBack } = await stall({ ...replicasOf(connections(), seed, { leaseMs, without: withoutFence }), leaseMs, reads: 12 });
      return wentBack.length > 0;
    });
  });
});
