import type { Clock } from '../../kit/clock.ts';
import { memoryCacheStore } from '../memory/cache-store.ts';
import { redisCacheStore } from './cache-store.ts';
import type { Redis } from './connection/open-redis.ts';
import { redisLeases } from './leases.ts';
import { redisTagVersions } from './tag-versions.ts';

type Parts = {
  readonly redis: Redis;
  /** Another connection for answers: on a shared one every version would wait behind the answers on their way. */
  readonly bodies: Redis;
  readonly bytesMax: number;
  readonly clock: Clock;
  readonly token: () => string;
};

/** What a cache of several replicas is made of: L1 in memory, L2 and the versions of tags in Redis. */
export function redisCache({ redis, bodies, bytesMax, clock, token }: Parts) {
  return {
    store: memoryCacheStore({ bytesMax }),
    versions: redisTagVersions({ redis }),
    shared: { store: redisCacheStore({ redis: bodies, clock }), leases: redisLeases({ redis, token }) },
    generation: redis.generation,
  };
}
