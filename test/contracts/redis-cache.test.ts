// The contracts of the cache's ports on a real Redis and on a real Cluster of three nodes.
import { randomUUID } from 'node:crypto';
import { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { redisCacheStore } from '../../src/core/adapters/redis/cache-store.ts';
import type { Redis } from '../../src/core/adapters/redis/connection/open-redis.ts';
import { redisLeases } from '../../src/core/adapters/redis/leases.ts';
import { redisTagVersions } from '../../src/core/adapters/redis/tag-versions.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { openedRedis } from '../support/redis/opened-redis.ts';
import { ownPrefix, sharedCluster, sharedRedis } from '../support/redis/redis.ts';
import { slowClock } from '../support/time/slow-clock.ts';
import { cacheStoreContract } from './cache-store.ts';
import { leasesContract } from './leases.ts';
import { tagVersionsContract } from './tag-versions.ts';
import { tagVersionsHistories } from './tag-versions-histories.ts';

const elapse = async (ms: number) => {
  await sleep(ms);
};
for (const [name, shared, skewMs] of [
  ['one Redis', sharedRedis, 0],
  ['a Redis Cluster', sharedCluster, 2_000],
] as const) {
  let opened: Promise<Redis> | undefined;
  /** One connection for all tests, keys of its own for each. */
  const own = async (): Promise<Redis> => {
    opened ??= shared().then((place) => openedRedis(place, slowClock));
    return { ...(await opened), prefix: ownPrefix() };
  };
  const open = { [Symbol.asyncDispose]: async () => {} };
  after(async () => {
    (await opened)?.close();
  });
  tagVersionsContract(name, async () => {
    const lifeMs = 4_000; // long enough that a busy machine does not add what the contract waits for
    return { versions: redisTagVersions({ redis: await own() }), lifeMs, skewMs, elapse, ...open };
  });
  tagVersionsHistories(name, async () => ({ versions: redisTagVersions({ redis: await own() }), skewMs, ...open }), { seeds: 3, steps: 300 });
  cacheStoreContract(name, async () => ({ store: redisCacheStore({ redis: await own(), clock: systemClock }), bytesMax: undefined, ...open }));
  leasesContract(name, async () => {
    const redis = await own();
    const leases = redisLeases({ redis, token: randomUUID });
    return { leases, store: redisCacheStore({ redis, clock: systemClock }), nowMs: systemClock.nowMs, elapse, ...open };
  });
}
