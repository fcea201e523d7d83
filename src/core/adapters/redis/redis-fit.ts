import { randomUUID } from 'node:crypto';
import type { Clock } from '../../kit/clock.ts';
import type { Log } from '../../ports/log.ts';
import { redisBus } from './bus.ts';
import { openRedis, type Redis } from './connection/open-redis.ts';
import type { RedisPlace } from './connection/redis-address.ts';
import { redisScript } from './connection/redis-script.ts';

/** A start does not wait longer for Redis to answer: others can do without it, so can we. Milliseconds. */
const startMs = 2_000;
/** Whoever tries it has more patience. */
const tryMs = 5_000;

type Parts = { readonly clock: Clock; readonly log: Log };

/** Resolved when Redis answers and fits, or does not answer in time. @throws Error with everything about it that does not fit */
export async function whenFit(redis: Redis, { clock, log }: Parts, withinMs = startMs): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = () => {
      stop();
      cancel();
      resolve();
    };
    const look = () => {
      if (redis.state().up || redis.misfits().length > 0) done();
    };
    const stop = redis.onChange(look);
    const cancel = clock.after(withinMs, done);
    look();
  });
  const misfits = redis.misfits();
  if (misfits.length > 0) throw new Error(`Redis does not fit: ${misfits.join(' ')}`);
  if (!redis.state().up) log.warn('Redis does not answer: this replica starts without it.', { troubles: redis.state().troubles });
}

/**
 * Whether Redis is what the settings say, fits, and lets our user do all that we do.
 * @returns what it is, for people
 * @throws Error with everything that is wrong
 */
export async function tryRedis(place: RedisPlace, { clock, log }: Parts): Promise<string> {
  const redis = openRedis(place, { clock, log });
  try {
    await whenFit(redis, { clock, log }, tryMs);
    const { up, troubles } = redis.state();
    if (!up) throw new Error(`${troubles.join('\n')} (after ${tryMs / 1_000} s)`);
    await tryAll(redis, { clock, log });
    const masters = redis.router.masters();
    const [info] = masters.map((node) => node.info());
    return `${place.mode}${masters.length > 1 ? ` of ${masters.length}` : ''}, version ${info?.version}, ${info?.evictionPolicy ?? 'an eviction policy that it does not tell'}`;
  } finally {
    redis.close();
  }
}

/** Does each kind of thing once that a server does. @throws StoreDown with what Redis said */
async function tryAll(redis: Redis, { clock, log }: Parts): Promise<void> {
  const key = `${redis.prefix}check:${randomUUID()}`;
  await redis.run(
    redisScript(`redis.call('SET', KEYS[1], redis.call('TIME')[1], 'PX', 1000) return {redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])}`),
    [key],
  );
  await redis.mget([key]);
  const bus = redisBus({ redis, clock, log, id: randomUUID() });
  try {
    await bus.publish('check', new Uint8Array()); // tells what the connection of subscribers does not
    await bus.subscribe('check', { onMessage: () => {}, onGap: () => {} }, AbortSignal.timeout(tryMs)).catch((error: unknown) => {
      throw new Error('Redis does not confirm a subscription: does its user have the right to SSUBSCRIBE, and to our channels?', { cause: error });
    });
  } finally {
    bus.close();
  }
}
