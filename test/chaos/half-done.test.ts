// What a Redis does only in part: it sets nothing any more, or does what nobody waits for any more.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { redisLeases } from '../../src/core/adapters/redis/leases.ts';
import { StoreDown } from '../../src/core/kit/store-down.ts';
import { openTrickyLink } from '../support/link/tricky-link.ts';
import { openedRedis } from '../support/redis/opened-redis.ts';
import { ownPrefix, type RedisPlace, startRedisServer } from '../support/redis/redis.ts';
import { until } from '../support/time/until.ts';
import { openBare } from './bare.ts';

const single = (address: string): RedisPlace => ({ mode: 'single', nodes: [address], prefix: ownPrefix() });

test('out of memory: an invalidation is done all the same, and nobody else is touched', async () => {
  await using server = await startRedisServer();
  const place = single(server.address);
  using bare = await openBare([place, place]);
  const [one, other] = bare.replicas;
  assert.ok(one && other);
  for (const item of ['kept', 'written', 'told']) {
    await one.read(item);
    await until('both remember it', async () => (await one.read(item)).result === 'hit' && (await other.read(item)).result === 'hit');
  }
  await server.command('CONFIG', 'SET', 'maxmemory', 1);
  await one.write('written', 1);
  assert.equal(await one.pending(), false);
  bare.change('told', 1);
  assert.equal(await one.invalidate('told'), true);
  for (const replica of [one, other]) {
    for (const item of ['written', 'told']) assert.equal((await replica.read(item)).value, 1, `${replica.name}, ${item}`);
    assert.equal((await replica.read('kept')).result, 'hit', 'nobody else is touched');
  }
  await server.command('CONFIG', 'SET', 'maxmemory', 0);
  await until('it is remembered again', async () => (await other.read('written')).result === 'hit');
});

test('a lease that a hanging Redis gives away when nobody waits for it any more is given back', async () => {
  await using server = await startRedisServer();
  const redis = await openedRedis(single(server.address));
  try {
    const leases = redisLeases({ redis, token: randomUUID });
    const held = await leases.take('entry', 'held', 60_000);
    assert.ok(held);
    server.hang();
    const asked = ['a', 'b', 'c', 'd'].map((name) => leases.take('entry', name, 60_000));
    for (const one of asked) await assert.rejects(async () => one, StoreDown);
    await leases.release(held);
    server.continue();
    for (const name of ['a', 'b', 'c', 'd', 'held'])
      await until(`${name} is free`, async () => {
        const lease = await Promise.resolve(leases.held('entry', name)).catch(() => true);
        return !lease;
      });
  } finally {
    redis.close();
  }
});

test('a connection on which nothing is heard from its beginning is given up for another one', { timeout: 60_000 }, async () => {
  await using server = await startRedisServer();
  await using link = await openTrickyLink(server.port, 'portico');
  const redis = await openedRedis(single(link.address));
  try {
    const connection = async () => String(await server.command('CLIENT', 'LIST')).match(/id=(\d+) [^\n]* name=portico /)?.[1];
    const first = await connection();
    link.deafen();
    await redis.call('a', 'GET', 'a').catch(() => {});
    const asking = setInterval(() => redis.call('a', 'GET', 'a').catch(() => {}), 20);
    await until('another connection is made', async () => ![undefined, first].includes(await connection())).finally(() => clearInterval(asking));
    link.heal(); // that one stays deaf
    await until('Redis answers', () => redis.state().up);
  } finally {
    redis.close();
  }
});
