import { openRedis, type Redis } from '../../../src/core/adapters/redis/connection/open-redis.ts';
import { systemClock } from '../../../src/wire/system-clock.ts';
import { quietLog } from '../log.ts';
import { until } from '../time/until.ts';
import type { RedisPlace } from './redis.ts';

/** A connection to a Redis, waited for. */
export async function openedRedis(place: RedisPlace, clock = systemClock): Promise<Redis> {
  const redis = openRedis(place, { clock, log: quietLog });
  await until('Redis is up', () => redis.state().up);
  return redis;
}
