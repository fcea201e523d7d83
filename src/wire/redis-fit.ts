import { randomUUID } from 'node:crypto';
import { redisBus } from '../core/adapters/redis/bus.ts';
import { openRedis, type Redis } from '../core/adapters/redis/open-redis.ts';
import type { RedisPlace } from '../core/adapters/redis/redis-address.ts';
import { redisScript } from '../core/adapters/redis/redis-script.ts';
import { fits } from './cluster.ts';
import { silent } from './silent-log.ts';
import { systemClock } from './system-clock.ts';

const withinMs = 5_000;

/**
 * Whether Redis is what the settings say, fits, and lets our user do all that we do.
 * @returns what it is, for people
 * @throws Error with everything that is wrong
 */
export async function redisFit({ redis: place }: { readonly redis: RedisPlace | undefined }): Promise<string> {
  if (place === undefined) return 'not set: everything in memory, for one replica only';
  const redis = openRedis(place, { clock: systemClock, log: silent });
  try {
    await fits(redis, systemClock, silent, withinMs);
    const { up, troubles } = redis.state();
    if (!up) throw new Error(`${troubles.join('\n')} (after ${withinMs / 1_000} s)`);
    await tryAll(redis);
    const masters = redis.router.masters();
    const [info] = masters.map((node) => node.info());
    return `${place.mode}${masters.length > 1 ? ` of ${masters.length}` : ''}, version ${info?.version}, ${info?.evictionPolicy ?? 'an eviction policy that it does not tell'}`;
  } finally {
    redis.close();
  }
}

/** Does each kind of thing once that a server does. @throws StoreDown with what Redis said */
async function tryAll(redis: Redis): Promise<void> {
  const key = `${redis.prefix}check:${randomUUID()}`;
  await redis.run(
    redisScript(`redis.call('SET', KEYS[1], redis.call('TIME')[1], 'PX', 1000) return {redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])}`),
    [key],
  );
  await redis.mget([key]);
  const bus = redisBus({ redis, clock: systemClock, log: silent, id: randomUUID() });
  try {
    await bus.publish('check', new Uint8Array()); // tells what the connection of subscribers does not
    await bus.subscribe('check', { onMessage: () => {}, onGap: () => {} }, AbortSignal.timeout(withinMs)).catch((error: unknown) => {
      throw new Error('Redis does not confirm a subscription: does its user have the right to SSUBSCRIBE, and to our channels?', { cause: error });
    });
  } finally {
    bus.close();
  }
}
