import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { memoryCacheStore } from '../../src/core/adapters/memory/cache-store.ts';
import { redisCacheStore } from '../../src/core/adapters/redis/cache-store.ts';
import { redisLeases } from '../../src/core/adapters/redis/leases.ts';
import { redisTagVersions } from '../../src/core/adapters/redis/tag-versions.ts';
import { openCache } from '../../src/core/cache/open-cache.ts';
import { systemClock as clock } from '../../src/wire/system-clock.ts';
import { testCounts } from '../support/cache/counts.ts';
import { openedRedis } from '../support/redis/opened-redis.ts';
import { sharedRedis } from '../support/redis/redis.ts';
import { seeded } from '../support/time/seeded.ts';
import { callAsUsers } from './users.ts';

/** 100 users call two replicas that share one Redis. Fails when any byte of one is in an answer of another. */
export async function usersOnRedis(calls: number): Promise<void> {
  const place = await sharedRedis();
  const connections = [await openedRedis(place), await openedRedis(place)];
  const random = seeded(1);
  const caches = connections.map((redis) =>
    openCache({
      store: memoryCacheStore({ bytesMax: 200_000 }), // a part of all answers, so that the shared ones are asked for
      shared: { store: redisCacheStore({ redis, clock }), leases: redisLeases({ redis, token: randomUUID }) },
      versions: redisTagVersions({ redis }),
      generation: redis.generation,
      clock,
      random,
      counts: testCounts(),
      locales: ['en'],
    }),
  );
  const wanted = ['hit', 'miss', 'stale'];
  try {
    const { foreign, results } = await callAsUsers({ caches, random, calls, wanted });
    assert.deepEqual(foreign, []);
    const answered = Object.values(results).reduce((sum, count) => sum + count, 0);
    assert.ok(answered >= calls);
    for (const result of wanted) assert.ok((results[result] ?? 0) > 0, `there was no ${result}`);
  } finally {
    for (const redis of connections) redis.close();
  }
}
