import { randomBytes } from 'node:crypto';
import { redisTopicLog } from '../../../src/core/adapters/redis/topic-log.ts';
import type { Clock } from '../../../src/core/kit/clock.ts';
import { systemClock } from '../../../src/wire/system-clock.ts';
import { lossyBus } from '../lossy-bus.ts';
import { openBus } from './open-bus.ts';
import type { RedisPlace } from './redis.ts';

export const randomId = () => randomBytes(6).toString('hex');

/** One replica's end of the topic log on a real Redis. */
export async function openTopicLog(place: RedisPlace, clock: Clock = systemClock) {
  const { redis, bus: whole, close } = await openBus(place, clock);
  const bus = lossyBus(whole);
  return { redis, bus, log: redisTopicLog({ redis, pages: redis, bus, randomId }), close, [Symbol.dispose]: close };
}
