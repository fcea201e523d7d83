// What one caller may cause in Redis, and what it costs the others.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Metadata } from 'nice-grpc-common';
import { redisCacheStore } from '../../src/core/adapters/redis/cache-store.ts';
import { redisTagVersions } from '../../src/core/adapters/redis/tag-versions.ts';
import { StatusError } from '../../src/core/kit/status-error.ts';
import type { Handler } from '../../src/core/ports/call.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { planOf } from '../support/cache/ready-call.ts';
import { openedRedis } from '../support/redis/opened-redis.ts';
import { ownPrefix, type RedisPlace, sharedCluster, sharedRedis, startRedisServer } from '../support/redis/redis.ts';
import { slowClock } from '../support/time/slow-clock.ts';
import { until } from '../support/time/until.ts';
import { insistOnInvalidating } from './insist.ts';
import { cameBy, computation } from './open.ts';
import { placeOf, redisReplica } from './redis-replica.ts';

test('requests for things that do not exist leave nothing in Redis', async () => {
  await using server = await startRedisServer({});
  const redis = await openedRedis(placeOf(server.address));
  const a = redisReplica(redis, { keepMs: 86_400_000 });
  try {
    const compute: Handler = async () => {
      throw new StatusError(5, 'no such item');
    };
    const before = Number(/used_memory:(\d+)/.exec(String(await server.command('INFO', 'memory')))?.[1]);
    for (let i = 0; i < 2_000; i += 100) await Promise.allSettled(Array.from({ length: 100 }, (_, j) => a.read(compute, `nothing-${i + j}`)));
    const keys = await server.command('DBSIZE');
    const after = Number(/used_memory:(\d+)/.exec(String(await server.command('INFO', 'memory')))?.[1]);
    const ttl = await server.command('EVAL', "return redis.call('PTTL', redis.call('RANDOMKEY'))", 0);
    assert.ok(Number(keys) < 100, `${keys} keys, ${Math.round((after - before) / 2_000)} bytes for each request, for ${ttl} ms`);
  } finally {
    redis.close();
    a.cache.close();
  }
});

for (const [where, shared] of [
  ['one Redis', sharedRedis],
  ['a Cluster', sharedCluster],
] as const)
  test(`${where}: unrelated invalidations start no computation, for those who wait and behind a stale answer`, async () => {
    for (let attempt = 1; ; attempt++) {
      const unanswered = await askBoth(shared).catch((error: unknown) => error);
      if (unanswered === 0) return;
      // where Redis answered too late, each replica computes for itself
      if (typeof unanswered !== 'number' || attempt === 5) assert.fail(`attempt ${attempt}: ${unanswered}`);
    }
  });

/** @returns how often Redis did not answer, in which case nothing is asserted */
async function askBoth(shared: () => Promise<RedisPlace>): Promise<number> {
  const place: RedisPlace = { ...(await shared()), prefix: ownPrefix() };
  const connections = [await openedRedis(place), await openedRedis(place)];
  const plan = { ...planOf('GetItem', { ttlMs: 2_000, staleWhileRevalidateMs: 60_000 }), deadlineMs: 10_000 };
  const [one, other] = connections.map((redis) => redisReplica(redis, { plan, waitMs: 60_000 })) as [
    ReturnType<typeof redisReplica>,
    ReturnType<typeof redisReplica>,
  ];
  const unanswered = () => [one, other].reduce((sum, { counts }) => sum + counts.storeFailures.down + counts.storeFailures.slow, 0);
  try {
    const compute = computation({}, { held: true });
    const readAtBoth = async () => {
      const calls: Promise<unknown>[] = [];
      for (let i = 0; i < 10; i++) {
        calls.push(one.read(compute), other.read(compute));
        await insistOnInvalidating(one.cache, [`nothing-to-do-with-it:${i}`]);
      }
      return calls;
    };
    const waiting = await readAtBoth();
    await until('it is computed', () => compute.seen.length > 0);
    compute.release();
    await Promise.all(waiting);
    if (unanswered() > 0) return unanswered();
    assert.equal(compute.seen.length, 1, 'for those who waited');
    await sleep(2_300); // its fresh time is over
    const behind = computation({}, { held: true });
    for (let i = 0; i < 10; i++) {
      await Promise.all([one.read(behind), other.read(behind)]);
      await insistOnInvalidating(one.cache, [`nothing-to-do-with-it:${i}`]);
    }
    behind.release();
    if (unanswered() === 0) assert.equal(behind.seen.length, 1, 'behind the stale answer');
    return unanswered();
  } catch (error) {
    if (unanswered() > 0) return unanswered();
    throw error;
  } finally {
    for (const { cache } of [one, other]) cache.close();
    for (const redis of connections) redis.close();
  }
}

test('entries of an older generation are replaced: a fail-over after fail-over does not multiply the memory', async () => {
  await using server = await startRedisServer({});
  const redis = await openedRedis(placeOf(server.address));
  const keysAndBytes: [number, number][] = [];
  let generation = '';
  const one = redisReplica(redis, { generation: () => generation, waitMs: 60_000 }); // a busy machine is no outage
  try {
    const compute = computation(() => ({ body: new Uint8Array(10_000), tags: ['shelf:1', 'shelf:2'] }));
    for (const name of ['first', 'second', 'third']) {
      generation = name;
      for (let i = 0; i < 100; i++) await one.read(compute, String(i));
      assert.equal(cameBy(await one.read(compute, '7')).split(' ')[0], 'hit', 'answers of this generation are stored');
      const used = /used_memory_dataset:(\d+)/.exec(String(await server.command('INFO', 'memory')))?.[1];
      keysAndBytes.push([Number(await server.command('DBSIZE')), Number(used)]);
    }
    const [[keys, bytes], ...later] = keysAndBytes as [[number, number], ...[number, number][]];
    assert.equal(compute.seen.length, 300, 'each generation computes for itself');
    for (const [laterKeys, laterBytes] of later) {
      assert.equal(laterKeys, keys);
      assert.ok(laterBytes < bytes * 1.2, `${laterBytes} bytes after ${bytes}`);
    }
  } finally {
    redis.close();
    one.cache.close();
  }
});

test('one signed-in user who varies a request cannot make Invalidate fail for all (noeviction)', async () => {
  await using server = await startRedisServer({ config: ['maxmemory-policy noeviction', 'maxmemory 64mb'] });
  const redis = await openedRedis(placeOf(server.address));
  const a = redisReplica(redis, { keepMs: 3_600_000 });
  try {
    const compute: Handler = async () => ({ metadata: Metadata(), body: randomBytes(100_000), trailers: Metadata() });
    let n = 0;
    for (; n < 1_000; n += 20) await Promise.allSettled(Array.from({ length: 20 }, (_, j) => a.read(compute, `x${n + j}`, 'mallory')));
    const how = await insistOnInvalidating(a.cache, ['item:of-somebody-else']).then(
      () => 'done',
      (e: Error & { reason?: string }) => String(e.reason),
    );
    const l1 = a.counts.notStored;
    assert.equal(how, 'done', `after ${n} calls of one user: Invalidate says ${how}; not stored ${JSON.stringify(l1)}`);
  } finally {
    redis.close();
    a.cache.close();
  }
});
test('volatile-ttl (recommended) at maxmemory: leases survive their computations', async () => {
  await using server = await startRedisServer({ config: ['maxmemory-policy volatile-ttl', 'maxmemory 40mb'] });
  const redis = await openedRedis(placeOf(server.address));
  const p = { ...planOf('GetItem', { ttlMs: 3_600_000, staleWhileRevalidateMs: 0, staleIfErrorMs: 0 }), deadlineMs: 2_000 };
  const a = redisReplica(redis, { keepMs: 3_700_000, plan: p, waitMs: 60_000 }); // a busy machine evicts nothing
  try {
    const compute: Handler = async () => {
      await sleep(100);
      return { metadata: Metadata(), body: randomBytes(20_000), trailers: Metadata() };
    };
    let i = 0;
    const read = (count: number) => Promise.all(Array.from({ length: count }, () => a.read(compute, `i${i++}`, `u${i % 500}`)));
    const evictions = async () => Number(/evicted_keys:(\d+)/.exec(String(await server.command('INFO', 'stats')))?.[1]);
    while ((await evictions()) === 0) await read(60); // full
    const b4 = { ...a.counts.notStored };
    const n4 = i;
    for (let round = 0; round < 40; round++) await read(60);
    const lost = a.counts.notStored.lease_over - b4.lease_over;
    const unanswered = a.counts.notStored.store_down - b4.store_down; // by a Redis that was too slow: they say nothing of leases
    assert.ok(
      lost < (i - n4 - unanswered) * 0.02,
      `${lost} of ${i - n4} answers lost their lease; moved ${a.counts.notStored.moved - b4.moved}, store_down ${unanswered}; evicted ${await evictions()}; keys ${await server.command('DBSIZE')}`,
    );
  } finally {
    redis.close();
    a.cache.close();
  }
});

test('400 answers of 300 KB read at once do not hold up a read of versions, which has a connection of its own', async () => {
  await using server = await startRedisServer();
  const place = placeOf(server.address);
  const [redis, bodies] = [await openedRedis(place, slowClock), await openedRedis(place, slowClock)]; // order counts here, not time
  try {
    const store = redisCacheStore({ redis: bodies, clock: systemClock });
    const versions = redisTagVersions({ redis });
    const { versions: begun } = await versions.begin(['item:7']);
    const body = new Uint8Array(randomBytes(300_000));
    const nowMs = systemClock.nowMs();
    const times = { computedAtMs: nowMs, freshUntilMs: nowMs + 60_000, staleUntilMs: nowMs + 60_000 };
    const entry = { body, etag: '""', generation: 'g', tags: [], versions: [], startedAt: 0, scope: '', metadata: [], trailers: [], ...times };
    for (let i = 0; i < 400; i++)
      await until(`k${i} is stored`, async () => (await Promise.resolve(store.set(`k${i}`, entry)).catch(() => '')) === 'stored');
    let read = 0;
    const reading = Array.from({ length: 400 }, async (_, i) => {
      await Promise.resolve(store.get(`k${i}`)).catch(() => {}); // on a busy machine the last ones take longer than a command may
      read++;
    });
    assert.equal(await versions.standing(['item:7'], begun), 'current');
    assert.ok(read < 200, `${read} of 400 answers had been read before the versions`);
    await Promise.all(reading);
  } finally {
    redis.close();
    bodies.close();
  }
});
