import { randomUUID } from 'node:crypto';
import type { Clock } from '../../kit/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { Presence } from '../../ports/presence.ts';
import type { TopicLog } from '../../ports/topic-log.ts';
import { redisBus } from './bus.ts';
import { openRedis, type Redis } from './connection/open-redis.ts';
import type { RedisPlace } from './connection/redis-address.ts';
import { redisScript } from './connection/redis-script.ts';
import { redisPresence } from './presence-store.ts';
import { redisTopicLog } from './topic-log.ts';

/** The longest that a start waits for Redis, because the server can run without it. Milliseconds. */
const startMs = 2_000;
/** The time limit of `portico check`. */
const tryMs = 5_000;

type Parts = { readonly clock: Clock; readonly log: Log };

/**
 * Resolved when Redis answers and fits, or does not answer in time.
 * @throws Error with all requirements that it does not meet
 */
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
 * Verifies that Redis matches the settings, meets the requirements, and grants its user all commands of a server.
 * @returns a description of it
 * @throws Error with all errors
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
    return `${place.mode}${masters.length > 1 ? ` of ${masters.length}` : ''}, version ${info?.version}, ${info?.evictionPolicy ?? 'an unknown eviction policy'}`;
  } finally {
    redis.close();
  }
}

/** Executes each kind of command of a server once. @throws StoreDown with the error of Redis */
async function tryAll(redis: Redis, { clock, log }: Parts): Promise<void> {
  const key = `${redis.prefix}check:${randomUUID()}`;
  await redis.run(
    redisScript(`redis.call('SET', KEYS[1], redis.call('TIME')[1], 'PX', 1000) return {redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])}`),
    [key],
  );
  await redis.mget([key]);
  await redis.call(key, 'GETRANGE', key, 0, 0);
  for (const node of redis.router.masters()) await node.send('SCAN', ['0', 'COUNT', 1]);
  const bus = redisBus({ redis, clock, log, id: randomUUID() });
  try {
    await bus.publish('check', new Uint8Array()); // reports errors that the subscriber connection does not
    await bus.subscribe('check', { onMessage: () => {}, onGap: () => {} }, AbortSignal.timeout(tryMs)).catch((error: unknown) => {
      throw new Error('Redis does not confirm a subscription: does its user have the right to SSUBSCRIBE, and to our channels?', { cause: error });
    });
    await tryTopicLog(redisTopicLog({ redis, pages: redis, bus, randomId: randomUUID }));
    await tryPresence(redisPresence({ redis, clock, log, replica: randomUUID(), randomId: randomUUID }));
  } finally {
    bus.close();
  }
}

/** Appends events with and without keys, more than are kept, and reads from one that was replaced. */
async function tryTopicLog(topics: TopicLog): Promise<void> {
  const [payload, limits] = [new Uint8Array(), { size: 2, ageMs: 1_000 }];
  const [replaced] = await topics.publish('~check', [{ payload, key: 'a', requestId: randomUUID() }], limits);
  await topics.publish(
    '~check',
    [
      { payload, key: 'b' },
      { payload, key: 'a' },
    ],
    limits,
  );
  if (replaced !== undefined) await topics.read('~check', replaced.position, { eventsMax: 1, bytesMax: 0 });
  await topics.publish('~check', [{ payload }, { payload }], limits);
  await topics.top('~check');
}

/** @throws Error when a user is not present who joined: joining itself fails for nobody */
async function tryPresence(presence: Presence): Promise<void> {
  try {
    await presence.join('~check', 'check', { listMax: 1, leaveAfterMs: 0 });
    const { count } = await presence.state('~check');
    if (count === 0) throw new Error('Redis does not keep who is present: does its user have all rights?');
  } finally {
    presence.close();
  }
}
