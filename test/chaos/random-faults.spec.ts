// The same faults for minutes, in random order and for random times. `CHAOS_SEED=7 CHAOS_MINUTES=30 npm run test:chaos` begins alike; real servers repeat no history wholly.
import { randomInt } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { ownPrefix, type RedisServer, startRedisCluster, startRedisSentinels } from '../support/redis/redis.ts';
import { seeded } from '../support/time/seeded.ts';
import { until } from '../support/time/until.ts';
import { bring, openLoaded } from './fault.ts';
import { openOneRedis } from './one-redis-faults.ts';
import { failOver } from './replica-faults.ts';

const seed = Number(process.env.CHAOS_SEED ?? randomInt(1_000_000));
const minutes = Number(process.env.CHAOS_MINUTES ?? 6);
/** Of each of the three kinds of Redis. Milliseconds. */
const lastsMs = (minutes * 60_000) / 3;
const timeout = lastsMs + 300_000;
const items = Array.from({ length: 12 }, (_, i) => String(i));
const random = seeded(seed);
const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
const reads = () => 100 + Math.floor(random() * 1_500);

async function rounds(context: TestContext, round: (n: number) => Promise<void>): Promise<void> {
  context.diagnostic(`seed ${seed}`);
  const endMs = performance.now() + lastsMs;
  for (let n = 0; n === 0 || performance.now() < endMs; n++) await round(n);
}

test('one Redis: faults one after the other', { timeout }, async (context) => {
  await using on = await openOneRedis(seed);
  await rounds(context, async () => {
    await bring(pick(Object.values(on.faults)), on, reads(), (line) => context.diagnostic(line));
  });
});

test('Sentinels: a primary that is killed, or hangs and goes on when it is a primary no more', { timeout }, async (context) => {
  await rounds(context, async (n) => {
    await using set = await startRedisSentinels();
    const place = { mode: 'sentinel' as const, nodes: set.addresses, masterName: set.masterName, prefix: ownPrefix() };
    await using on = await openLoaded(place, { items, seed: seed + n });
    const hangs = n % 2 === 1;
    const fault = failOver(set.primary, set.replica, set.promoted, on.load, hangs ? set.primary.hang : set.primary.kill);
    const end = hangs ? set.primary.continue : undefined;
    await bring({ ...fault, name: `${fault.name}, ${hangs ? 'hung' : 'killed'}`, ...(end && { end }) }, on, reads(), (line) =>
      context.diagnostic(line),
    );
  });
});

test('a Cluster: slots that move all the time, and a node that is replaced by its replica', { timeout }, async (context) => {
  await rounds(context, async (n) => {
    await using cluster = await startRedisCluster({ masters: 3, replicas: 1 });
    await using on = await openLoaded({ mode: 'cluster', nodes: cluster.addresses, prefix: ownPrefix() }, { items, seed: seed + n });
    const [first, second, third, replica] = cluster.nodes as [RedisServer, RedisServer, RedisServer, RedisServer];
    const say = (line: string) => context.diagnostic(line);
    const move = async () => {
      for (let i = 0; i < 40; i++) {
        const key = `{${Math.floor(random() * 16_384).toString(16)}}`;
        const owner = await cluster.ownerOf(key);
        await cluster.moveSlotOf(key, pick([first, second, third].filter((node) => node !== owner)));
      }
    };
    await bring({ name: 'slots moved', begin: move }, on, reads(), say);
    const promoted = () =>
      until('the replica has the slots', async () => String(await replica.command('INFO', 'replication')).includes('role:master'), 20_000);
    await bring(failOver(first, replica, promoted, on.load), on, reads(), say);
  });
});
