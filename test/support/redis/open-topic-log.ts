import { randomBytes } from 'node:crypto';
import { redisTopicLog } from '../../../src/core/adapters/redis/topic-log.ts';
import type { Bus } from '../../../src/core/ports/bus.ts';
import { openBus } from './open-bus.ts';
import type { RedisPlace } from './redis.ts';

export const randomId = () => randomBytes(6).toString('hex');

/** One replica's end of the topic log on a real Redis. @param around what may go wrong on the bus */
export async function openTopicLog(place: RedisPlace, around: (bus: Bus) => Bus = (bus) => bus) {
  const opened = await openBus(place);
  const { redis, bus, close } = opened;
  return { redis, log: redisTopicLog({ redis, pages: redis, bus: around(bus), randomId }), close, [Symbol.dispose]: close };
}
