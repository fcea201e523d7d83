import type { Meter } from '@opentelemetry/api';
import type { Clock } from '../../kit/clock.ts';
import { memoryCacheStore } from '../memory/cache-store.ts';
import { countInvalidations } from '../telemetry/count-invalidations.ts';
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
  readonly meter?: Meter;
};

/** What a cache of several replicas is made of: L1 in memory, L2 and the versions of tags in Redis. */
export function redisCache({ redis, bodies, bytesMax, clock, token, meter }: Parts) {
  return {
    store: memoryCacheStore({ bytesMax, meter }),
    versions: countInvalidations(redisTagVersions({ redis }), meter),
    shared: { store: redisCacheStore({ redis: bodies, clock }), leases: redisLeases({ redis, token }) },
    generation: redis.generation,
  };
}
