// A fail-over by DNS in mode `single`: the primary that a replica is connected to becomes the replica of another one,
// and lags behind.
import type { Redis } from '../../src/core/adapters/redis/connection/open-redis.ts';
import { redisScript } from '../../src/core/adapters/redis/connection/redis-script.ts';
import { readScript } from '../../src/core/adapters/redis/tag-scripts.ts';
import { follow, inStep } from '../support/redis/follow.ts';
import { openedRedis } from '../support/redis/opened-redis.ts';
import { ownPrefix, startRedisServer } from '../support/redis/redis.ts';
import { until } from '../support/time/until.ts';
import { insistOnInvalidating } from './insist.ts';
import { cameBy, computation } from './open.ts';
import { placeOf, redisReplica } from './redis-replica.ts';

/** A connection that reads versions by a script which any server runs, as MGET would. */
export function withoutPrimaryOnlyReads(redis: Redis): Redis {
  const anywhere = redisScript(readScript.source.replace(/^#!lua.*/, ''));
  return { ...redis, run: (script, ...asked) => redis.run(script === readScript ? anywhere : script, ...asked) };
}

/**
 * The primary is another's replica for a moment in which nobody reads, gets that one's older data, and is promoted
 * again. Its connections stay.
 * @returns whether an answer is served as fresh that was invalidated before that
 */
export async function servesOldOfPromoted(without = (redis: Redis) => redis): Promise<boolean> {
  await using primary = await startRedisServer({ config: ['repl-diskless-sync-delay 0'] });
  await using other = await startRedisServer({ config: ['repl-diskless-sync-delay 0'] });
  await follow(other, primary);
  const atPrimary = await openedRedis(placeOf(primary.address, ownPrefix()));
  const aside = await openedRedis(placeOf(primary.address, atPrimary.prefix));
  const [one, two] = [redisReplica(without(atPrimary)), redisReplica(aside)];
  const compute = computation();
  let stored = '';
  try {
    await until('an answer is stored', async () => {
      stored = cameBy(await one.read(compute));
      return stored.startsWith('hit');
    });
    await inStep(other, primary);
    await other.command('REPLICAOF', 'NO', 'ONE'); // it keeps the versions of now
    await insistOnInvalidating(two.cache, ['item:7']);
    await follow(primary, other);
    await primary.command('REPLICAOF', 'NO', 'ONE');
    const came: string[] = [];
    for (let i = 0; i < 5; i++) came.push(cameBy(await one.read(compute)));
    return came.includes(stored);
  } finally {
    for (const { cache } of [one, two]) cache.close();
    for (const redis of [atPrimary, aside]) redis.close();
  }
}

/** A connection that does not notice when its server was another's replica for a while. */
export function withoutPromotions(redis: Redis): Redis {
  return { ...redis, knows: () => true };
}

/** @returns whether a replica at the demoted primary serves an answer as fresh that was invalidated at the new one */
export async function servesOldOfDemoted(without = (redis: Redis) => redis): Promise<boolean> {
  await using old = await startRedisServer({ config: ['repl-diskless-sync-delay 0'] });
  await using next = await startRedisServer({});
  const prefix = ownPrefix();
  await follow(next, old);
  const atOld = await openedRedis(placeOf(old.address, prefix));
  const one = redisReplica(without(atOld));
  const compute = computation();
  let stored = '';
  const isStored = async () => {
    stored = cameBy(await one.read(compute));
    return stored.startsWith('hit');
  };
  await until('there is something to invalidate', isStored);
  await next.command('REPLICAOF', 'NO', 'ONE');
  await next.command('CONFIG', 'SET', 'requirepass', 'right');
  await old.command('CONFIG', 'SET', 'masterauth', 'wrong'); // its link stays down
  await old.command('REPLICAOF', '127.0.0.1', next.port);
  const atNext = await openedRedis({ ...placeOf(next.address, prefix), password: 'right' });
  const other = redisReplica(atNext);
  try {
    await insistOnInvalidating(other.cache, ['item:7']);
    const came: string[] = [];
    for (let i = 0; i < 5; i++) came.push(cameBy(await one.read(compute)));
    return came.includes(stored);
  } finally {
    for (const { cache } of [one, other]) cache.close();
    for (const redis of [atOld, atNext]) redis.close();
  }
}
