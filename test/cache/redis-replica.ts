// One replica's cache on a real Redis, without a server around it.
import { randomUUID } from 'node:crypto';
import { memoryCacheStore } from '../../src/core/adapters/memory/cache-store.ts';
import { redisCacheStore } from '../../src/core/adapters/redis/cache-store.ts';
import type { Redis } from '../../src/core/adapters/redis/connection/open-redis.ts';
import type { RedisPlace } from '../../src/core/adapters/redis/connection/redis-address.ts';
import { redisLeases } from '../../src/core/adapters/redis/leases.ts';
import { redisTagVersions } from '../../src/core/adapters/redis/tag-versions.ts';
import { openCache } from '../../src/core/cache/open-cache.ts';
import type { Handler } from '../../src/core/ports/call.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { testCounts } from '../support/cache/counts.ts';
import { planOf, readyCall } from '../support/cache/ready-call.ts';
import { ownPrefix } from '../support/redis/redis.ts';

export const placeOf = (address: string, prefix = ownPrefix()): RedisPlace => ({ mode: 'single', nodes: [address], prefix });

const fresh = planOf('GetItem', { ttlMs: 30_000, staleWhileRevalidateMs: 0, staleIfErrorMs: 0 });

/**
 * @param bodies another connection for answers, where they are not to share that of versions
 * @param generation in place of that of the connection
 */
export function redisReplica(redis: Redis, { keepMs = 60_000, plan = fresh, bodies = redis, generation = redis.generation, waitMs = 50 } = {}) {
  const counts = testCounts();
  const cache = openCache({
    store: memoryCacheStore({ bytesMax: 50_000_000 }),
    shared: { store: redisCacheStore({ redis: bodies, clock: systemClock }), leases: redisLeases({ redis, token: randomUUID }) },
    versions: redisTagVersions({ redis }),
    generation,
    clock: systemClock,
    random: Math.random,
    counts,
    locales: ['en'],
    waitMs,
    keepMs,
  });
  const read = async (compute: Handler, itemId = '7', user = 'ada') => cache.answer(readyCall(plan, { user, request: { itemId } }), compute);
  return { cache, counts, read };
}
