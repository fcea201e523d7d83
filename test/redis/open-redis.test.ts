import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openRedis, type Redis } from '../../src/core/adapters/redis/connection/open-redis.ts';
import type { RedisPlace } from '../../src/core/adapters/redis/connection/redis-address.ts';
import { redisScript } from '../../src/core/adapters/redis/connection/redis-script.ts';
import { StoreDown } from '../../src/core/kit/store-down.ts';
import { devTls } from '../../src/transport/tls/dev-certificates.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { quietLog } from '../support/log.ts';
import { ownPrefix, sharedCluster, sharedRedis, startRedisCluster, startRedisSentinels, startRedisServer } from '../support/redis/redis.ts';
import { slowClock } from '../support/time/slow-clock.ts';
import { until } from '../support/time/until.ts';

async function opened(place: RedisPlace, clock = systemClock): Promise<Redis & Disposable> {
  const redis = openRedis(place, { clock, log: quietLog });
  await until('Redis is up', () => redis.state().up);
  return { ...redis, [Symbol.dispose]: redis.close };
}
const single = (address: string, more: Partial<RedisPlace> = {}): RedisPlace => ({ mode: 'single', nodes: [address], prefix: ownPrefix(), ...more });
const isDown = (error: unknown) => error instanceof StoreDown;

// Each has servers of its own, and waits for them most of the time.
describe('one handle for every Redis', { concurrency: 4 }, () => {
  for (const [name, shared] of [['a single Redis', sharedRedis] as const, ['a Cluster', sharedCluster] as const]) {
    test(`${name}: commands, scripts and reads of many keys give bytes`, async () => {
      using redis = await opened(await shared(), slowClock);
      const keys = Array.from({ length: 50 }, (_, i) => `${redis.prefix}{${i}}.x`);
      const bytes = (i: number) => Buffer.from([0, 255, i]);
      for (const [i, key] of keys.entries()) await redis.call(key, 'SET', key, bytes(i), 'PX', 60_000);
      assert.deepEqual(await redis.mget([...keys, `${redis.prefix}none`]), [...keys.map((_, i) => bytes(i)), null]);
      const script = redisScript(`return {redis.call('GET', KEYS[1]), ARGV[1], #KEYS} -- ${redis.prefix}`);
      for (let i = 0; i < 2; i++) assert.deepEqual(await redis.run(script, [keys[3] as string], [Buffer.from([1])]), [bytes(3), Buffer.from([1]), 1]);
      await assert.rejects(redis.call(keys[0] as string, 'NOT-A-COMMAND'), (error) => error instanceof StoreDown && error.why === 'refused');
      assert.match(redis.generation() ?? '', /^[\w-]{16}$/);
    });
  }

  test('a killed Redis is said at once, comes back by itself, and is of another generation before any command is answered', async () => {
    await using server = await startRedisServer();
    using redis = await opened(single(server.address));
    const before = redis.generation();
    await redis.call('a', 'SET', 'a', '1');
    await server.kill();
    await until('it is seen', () => !redis.state().up);
    await assert.rejects(redis.call('a', 'GET', 'a'), isDown);
    assert.match(redis.state().troubles.join(), /is unavailable/);
    assert.equal(redis.generation(), before, 'what it was stays known while it is away');
    await server.restart();
    for (;;) {
      const got = await redis.call('a', 'GET', 'a').catch(() => 'down');
      if (got === 'down') {
        await new Promise((again) => setTimeout(again, 5));
        continue;
      }
      assert.equal(got, null);
      assert.notEqual(redis.generation(), before);
      break;
    }
  });

  test('a Redis that hangs opens the breaker after a few commands, and closes it when it answers again', async () => {
    await using server = await startRedisServer();
    using redis = await opened(single(server.address));
    const before = redis.generation();
    server.hang();
    const asked = await Promise.allSettled(Array.from({ length: 5 }, () => redis.call('a', 'GET', 'a')));
    assert.deepEqual(
      asked.map((one) => one.status === 'rejected' && (one.reason as StoreDown).why),
      new Array(5).fill('timeout'),
    );
    await assert.rejects(redis.call('a', 'GET', 'a'), (error) => isDown(error) && (error as StoreDown).why === 'gone');
    server.continue();
    await until('it answers again', () => redis.state().up);
    assert.equal(await redis.call('a', 'GET', 'a'), null);
    assert.equal(redis.generation(), before, 'nothing was lost');
  });

  test('a Redis that is out of memory is a store that is down for writes alone', async () => {
    await using server = await startRedisServer({ config: ['maxmemory 1mb', 'maxmemory-policy noeviction'] });
    using redis = await opened(single(server.address));
    await assert.rejects(
      redis.call('a', 'SET', 'a', Buffer.alloc(900_000)).then(() => redis.call('b', 'SET', 'b', '1')),
      (error) => {
        return isDown(error) && (error as StoreDown).why === 'full';
      },
    );
    assert.deepEqual(await redis.mget(['c']), [null]);
    assert.equal(redis.state().up, true);
  });

  test('a slot that moves in a Cluster is followed, key by key while it moves', async () => {
    await using cluster = await startRedisCluster();
    using redis = await opened({ mode: 'cluster', nodes: cluster.addresses.slice(0, 1), prefix: ownPrefix() });
    const before = redis.generation();
    const keys = Array.from({ length: 20 }, (_, i) => `{moving}.${i}`);
    for (const key of keys) await redis.call(key, 'SET', key, key);
    const owner = await cluster.ownerOf('moving');
    const other = cluster.nodes.find((node) => node !== owner);
    assert.ok(other);
    let moving = true;
    const reading = (async () => {
      while (moving) for (const key of keys) assert.equal(String(await redis.call(key, 'GET', key)), key);
    })();
    await cluster.moveSlotOf('moving', other);
    moving = false;
    await reading;
    assert.deepEqual((await redis.mget(keys)).map(String), keys);
    assert.equal(redis.generation(), before, 'versions moved with the slot');
  });

  test('after a fail-over in a Cluster commands go to the new primary, in another generation', async () => {
    await using cluster = await startRedisCluster({ replicas: 1 });
    using redis = await opened({ mode: 'cluster', nodes: cluster.addresses, prefix: ownPrefix() });
    const before = redis.generation();
    const owner = cluster.nodes[0];
    const key = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].find((name) => redis.router.nodeOf(0)?.name === owner?.address && name === 'b');
    assert.equal(key, 'b');
    assert.equal(await cluster.ownerOf('b'), owner, 'slot 3300 is of the first node');
    await redis.call('b', 'SET', 'b', '1');
    await owner?.kill();
    await until(
      'another node answers for it',
      () =>
        redis.call('b', 'SET', 'b', '2').then(
          () => true,
          () => false,
        ),
      15_000,
    );
    assert.notEqual(redis.generation(), before);
    using other = await opened({ mode: 'cluster', nodes: cluster.addresses.slice(1), prefix: ownPrefix() });
    assert.equal(other.generation(), redis.generation(), 'every replica names it alike');
  });

  test('Sentinels name the primary; after a fail-over the new one is used, in another generation', async () => {
    await using set = await startRedisSentinels();
    using redis = await opened({ mode: 'sentinel', nodes: set.addresses, masterName: set.masterName, prefix: ownPrefix() });
    const before = redis.generation();
    await redis.call('a', 'SET', 'a', '1');
    await set.primary.kill();
    await set.promoted();
    await until(
      'the replica answers as primary',
      () =>
        redis.call('a', 'SET', 'a', '2').then(
          () => true,
          () => false,
        ),
      15_000,
    );
    assert.notEqual(redis.generation(), before);
  });

  test('TLS and an ACL user are spoken by URL and by setting', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'portico-redis-tls-'));
    const tls = await devTls(folder, Date.now());
    const files = { certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem'), caFile: tls.caFile };
    await using server = await startRedisServer({ tls: files, config: ['user ann on >s3cret ~* &* +@all'] });
    const login = { username: 'ann', password: 's3cret', tls: { caFile: tls.caFile, serverName: 'localhost' } };
    {
      using redis = await opened(single(server.address, login));
      assert.equal(String(await redis.call('', 'ACL', 'WHOAMI')), 'ann');
    }
    {
      const place = {
        mode: 'single',
        nodes: [],
        url: `rediss://ann:s3cret@localhost:${server.port}/0`,
        tls: { caFile: tls.caFile },
        prefix: '',
      } as const;
      using redis = await opened(place);
      assert.equal(String(await redis.call('', 'ACL', 'WHOAMI')), 'ann');
    }
    const wrong = openRedis(single(server.address, { ...login, password: 'wrong' }), { clock: systemClock, log: quietLog });
    try {
      await until('it is refused', () => /WRONGPASS/.test(wrong.state().troubles.join()));
    } finally {
      wrong.close();
    }
    rmSync(folder, { recursive: true });
  });
});
