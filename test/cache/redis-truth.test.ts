// What could make a Redis that answers lie: memory that is full, policies changed, a demoted primary, values of others.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { redisScript } from '../../src/core/adapters/redis/connection/redis-script.ts';
import { redisTagVersions } from '../../src/core/adapters/redis/tag-versions.ts';
import { partitionOf, partitionTags } from '../../src/core/kit/partitions.ts';
import { follow } from '../support/redis/follow.ts';
import { openedRedis } from '../support/redis/opened-redis.ts';
import { ownPrefix, startRedisServer } from '../support/redis/redis.ts';
import { until } from '../support/time/until.ts';
import { cameBy, computation } from './open.ts';
import { placeOf, redisReplica } from './redis-replica.ts';

test('out of memory: a late tag that was raised meanwhile is found, and the older answer is not stored', async () => {
  await using server = await startRedisServer({ config: ['maxmemory-policy noeviction'] });
  const p = placeOf(server.address);
  const [ra, rb] = [await openedRedis(p), await openedRedis(p)];
  const [a, b] = [redisReplica(ra), redisReplica(rb)];
  try {
    const compute = computation({ tags: ['shelf:1'] }, { held: true });
    const before = b.read(compute); // begins at B, reads the old state
    await until('B computes', () => compute.seen.length > 0);
    await server.command('CONFIG', 'SET', 'maxmemory', 1);
    await a.cache.invalidateWritten(['shelf:1'], { soft: false }); // the write is answered; A died right after (its pending is lost)
    a.cache.close();
    await server.command('CONFIG', 'SET', 'maxmemory', 0); // room again, before B has finished
    compute.release();
    await before;
    const came = cameBy(await b.read(compute));
    assert.notEqual(came, 'hit 1', `B: ${came}`);
  } finally {
    ra.close();
    rb.close();
    b.cache.close();
  }
});

test('mode single: the primary is demoted while we are connected (DNS fail-over): reads of a lagging replica are not believed', async () => {
  await using old = await startRedisServer({ config: ['repl-diskless-sync-delay 0'] });
  await using next = await startRedisServer({});
  const prefix = ownPrefix();
  await follow(next, old);
  const ra = await openedRedis(placeOf(old.address, prefix));
  const a = redisReplica(ra);
  const compute = computation();
  try {
    let stored = '';
    const isStored = async () => {
      stored = cameBy(await a.read(compute));
      return stored.startsWith('hit');
    };
    await until('it is stored', isStored);
    await sleep(300);
    // the fail-over: next is the primary now, old is its replica, with a link that is down for a while
    await next.command('REPLICAOF', 'NO', 'ONE');
    await old.command('CONFIG', 'SET', 'masterauth', 'wrong');
    await next.command('CONFIG', 'SET', 'requirepass', 'right');
    await old.command('REPLICAOF', '127.0.0.1', next.port);
    await next.command('AUTH', 'right').catch(() => {});
    const rb = await openedRedis({ ...placeOf(next.address, prefix), password: 'right' });
    const b = redisReplica(rb);
    await b.cache.invalidate(['item:7']); // returns at a replica that is connected to the new primary
    await sleep(2_000);
    const got: string[] = [];
    for (let i = 0; i < 5; i++) {
      got.push(cameBy(await a.read(compute)));
      await sleep(200);
    }
    rb.close();
    b.cache.close();
    assert.ok(!got.includes(stored), `A, 2 to 3 s after Invalidate returned: ${got.join(', ')}`);
  } finally {
    ra.close();
    a.cache.close();
  }
});

test('a script that begins with "#!lua" is refused by a replica, MGET is not', async () => {
  await using one = await startRedisServer({ config: ['repl-diskless-sync-delay 0'] });
  await using two = await startRedisServer({});
  const redis = await openedRedis(placeOf(two.address));
  try {
    await follow(two, one);
    assert.deepEqual(await redis.mget(['x']), [null]);
    const read = redisScript(`#!lua\nreturn redis.call('MGET', unpack(KEYS))`);
    await assert.rejects(async () => redis.run(read, ['x']), /READONLY/);
  } finally {
    redis.close();
  }
});

test('an error reply that is not in the table: reads go on without the store, writes are answered', async () => {
  await using server = await startRedisServer({});
  const redis = await openedRedis(placeOf(server.address));
  const a = redisReplica(redis);
  try {
    const compute = computation();
    // a value that this release cannot read: of the next release, or of whoever shares the Redis
    const key = String(
      await (async () => {
        await a.read(compute);
        return ((await server.command('KEYS', '*v:item:7')) as string[])[0];
      })(),
    );
    await server.command('SET', key, '2;1764032400000000');
    const read = await a.read(compute).then(cameBy, (e: Error) => `failed: ${e.name} ${e.message.slice(0, 90)}`);
    const write = await a.cache.invalidateWritten(['item:7'], { soft: false }).then(
      () => 'answered',
      (e: Error) => `failed: ${e.name}`,
    );
    assert.deepEqual([read.startsWith('failed'), write], [false, 'answered'], `read ${read}; write ${write}`);
  } finally {
    redis.close();
    a.cache.close();
  }
});

test('an unreadable tag value and nothing remembered: the call is computed', async () => {
  await using server = await startRedisServer({});
  const p = placeOf(server.address);
  const redis = await openedRedis(p);
  const a = redisReplica(redis);
  try {
    await server.command('SET', `${p.prefix}{${partitionTags[partitionOf('item:7')]}}v:item:7`, '2;1764032400000000');
    const read = await a.read(computation()).then(cameBy, (e: Error) => `failed: ${e.name}: ${e.message.slice(0, 80)}`);
    assert.ok(!read.startsWith('failed'), read);
  } finally {
    redis.close();
    a.cache.close();
  }
});

test('a raise is done although memory is full', async () => {
  await using server = await startRedisServer({ config: ['maxmemory-policy noeviction'] });
  const redis = await openedRedis(placeOf(server.address));
  try {
    const versions = redisTagVersions({ redis });
    const begun = await versions.begin(['item:7']);
    await server.command('CONFIG', 'SET', 'maxmemory', 1);
    await versions.raise(['item:7'], { settleMs: 1_000 });
    assert.equal(await versions.standing(['item:7'], begun.versions), 'invalidated');
  } finally {
    redis.close();
  }
});

test('a late tag that was raised and then evicted, by whatever policy, is not taken for unraised', async () => {
  await using server = await startRedisServer({ config: ['maxmemory-policy noeviction'] });
  const redis = await openedRedis(placeOf(server.address));
  try {
    const versions = redisTagVersions({ redis });
    const begun = await versions.begin([]);
    await versions.raise(['shelf:1'], { settleMs: 60_000 }); // has a key
    await server.command('CONFIG', 'SET', 'maxmemory-policy', 'volatile-lru');
    for (const key of (await server.command('KEYS', '*v:shelf:1')) as string[]) await server.command('DEL', key); // as that policy does
    assert.equal(await versions.keep(['shelf:1'], [], begun.startedAt, 60_000), undefined);
  } finally {
    redis.close();
  }
});

test('FLUSHALL in the middle of a computation: what it had read is not believed, whatever was lost', async () => {
  await using server = await startRedisServer({});
  const redis = await openedRedis(placeOf(server.address));
  const a = redisReplica(redis);
  try {
    const compute = computation({ tags: ['shelf:1'] }, { held: true });
    const before = a.read(compute);
    await until('it computes', () => compute.seen.length > 0);
    await a.cache.invalidate(['shelf:1']);
    await server.command('FLUSHALL');
    compute.release();
    await before;
    assert.notEqual(cameBy(await a.read(compute)), 'hit 1');
    await until('it goes on as before', async () => /^hit /.test(cameBy(await a.read(compute))));
    await server.command('FLUSHALL');
    assert.match(cameBy(await a.read(compute)), /^miss /, 'nothing of before is served as fresh');
  } finally {
    redis.close();
    a.cache.close();
  }
});
