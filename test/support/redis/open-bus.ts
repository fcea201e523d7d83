import { randomUUID } from 'node:crypto';
import { redisBus } from '../../../src/core/adapters/redis/bus.ts';
import { openRedis } from '../../../src/core/adapters/redis/connection/open-redis.ts';
import type { Clock } from '../../../src/core/kit/clock.ts';
import { systemClock } from '../../../src/wire/system-clock.ts';
import { quietLog } from '../log.ts';
import { until } from '../time/until.ts';
import type { RedisPlace } from './redis.ts';

/** One replica's end of a bus on a real Redis. */
export async function openBus(place: RedisPlace, clock: Clock = systemClock) {
  const redis = openRedis(place, { clock, log: quietLog });
  const bus = redisBus({ redis, clock, log: quietLog, id: randomUUID() });
  const close = () => {
    bus.close();
    redis.close();
  };
  await until('Redis is up', () => redis.state().up);
  return { redis, bus, close, [Symbol.dispose]: close };
}
