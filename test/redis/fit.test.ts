import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { holdPort } from '../../scripts/hold-port.ts';
import type { Clock } from '../../src/core/kit/clock.ts';
import { redisFit } from '../../src/wire/shared-stores.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { openBus } from '../support/redis/open-bus.ts';
import { sharedCluster, sharedRedis, startRedisServer } from '../support/redis/redis.ts';
import { openFixtureServer } from '../support/server/fixture-server.ts';

const single = (address: string, more = {}) => ({ redis: { mode: 'single' as const, nodes: [address], prefix: 'portico:', ...more } });
const page = readFileSync(resolve(import.meta.dirname, '../../docs/operating/redis.md'), 'utf8');

test('what fits is told in a line', async () => {
  assert.match(await redisFit({ redis: await sharedRedis() }), /^single, version \d+\.\d+\.\d+, noeviction$/);
  assert.match(await redisFit({ redis: await sharedCluster() }), /^cluster of 3, version \d+\.\d+\.\d+, noeviction$/);
  assert.match(await redisFit({ redis: undefined }), /^not set/);
});

test('what does not fit, or is not there, is told with what helps', async () => {
  const cluster = await sharedCluster();
  await assert.rejects(redisFit(single(cluster.nodes[0] ?? '')), /is a node of a Cluster, and redis\.mode is single: set it to cluster/);
  const one = await sharedRedis();
  await assert.rejects(redisFit({ redis: { ...one, mode: 'cluster' } }), /is no node of a Cluster, and redis\.mode is cluster: set it to single/);
  await using evicting = await startRedisServer({ config: ['maxmemory 100mb', 'maxmemory-policy allkeys-lru'] });
  await assert.rejects(redisFit(single(evicting.address)), /evicts any key \(maxmemory-policy allkeys-lru\)/);
  await assert.rejects(redisFit(single(`127.0.0.1:${await holdPort()}`)), /ECONNREFUSED/);
});

test('a server whose Redis does not fit does not start', async () => {
  await using evicting = await startRedisServer({ config: ['maxmemory-policy allkeys-lfu'] });
  // A start goes on without a Redis that has not answered for two seconds: on a busy machine this one gets longer.
  const clock: Clock = { ...systemClock, after: (delayMs, callback) => systemClock.after(delayMs === 2_000 ? 30_000 : delayMs, callback) };
  const open = async () => {
    await using _opened = await openFixtureServer({ ...single(evicting.address), clock });
  };
  await assert.rejects(open, /^Error: Redis does not fit: .*allkeys-lfu/);
});

test('the ACL line of the docs gives all the rights that are needed; without one of them it is said which', async () => {
  const [, line = ''] = /^(user portico on .*)$/m.exec(page) ?? [];
  const password = /on >(\S+)/.exec(line)?.[1] ?? '';
  await using redisServer = await startRedisServer({ config: [line] });
  const login = { username: 'portico', password };
  assert.match(await redisFit(single(redisServer.address, login)), /^single/);
  {
    using on = await openBus({ ...single(redisServer.address, login).redis });
    let heard = 0;
    await on.bus.subscribe('t', { onMessage: () => void heard++, onGap: () => {} });
    await on.bus.publish('t', Buffer.from('x'));
    while (heard === 0) await new Promise<void>((later) => void systemClock.after(5, later));
    await assert.rejects(on.redis.call('other:key', 'MGET', 'other:key'), /NOPERM|No permissions/i, 'keys of others are not ours');
    await assert.rejects(on.redis.call('portico:key', 'FLUSHALL'), /NOPERM|No permissions/i);
  }
  await redisServer.command('ACL', 'SETUSER', 'portico', '-evalsha', '-eval');
  await assert.rejects(redisFit(single(redisServer.address, login)), /evalsha/);
  await redisServer.command('ACL', 'SETUSER', 'portico', '+evalsha', '+eval', '-ssubscribe');
  await assert.rejects(redisFit(single(redisServer.address, login)), /SSUBSCRIBE/);
});
