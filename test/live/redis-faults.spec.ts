// Two replicas on one Redis, and on a Cluster, to which things happen: what is published at one reaches the clients of
// the other, nothing is missed silently, and clients are told of a loss only where Redis has lost something.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { partitionOf, partitionTags } from '../../src/core/kit/partitions.ts';
import { openLossyRedisLink } from '../support/link/lossy-redis-link.ts';
import { ownPrefix, type RedisServer, startRedisCluster, startRedisSentinels, startRedisServer } from '../support/redis/redis.ts';
import { until } from '../support/time/until.ts';
import { openRedisRun, topics } from './crowd/redis-run.ts';

const timeout = 240_000;

test('one Redis: connections cut, announcements lost, killed, back without its end, back empty', { timeout }, async () => {
  await using redis = await startRedisServer({ config: ['maxmemory-policy noeviction'] });
  await using link = await openLossyRedisLink(redis.port);
  const place = { mode: 'single' as const, nodes: [redis.address], prefix: ownPrefix() };
  await using run = await openRedisRun(place, { ...place, nodes: [link.address] });
  assert.equal(await run.during('nothing', async () => {}), 0);
  assert.equal(await run.during('connections cut', async () => link.cut()), 0);
  const loseSome = async () => {
    link.lose('chaos:');
    await until('some are lost', () => link.lost() > 20);
    link.lose(undefined);
  };
  assert.equal(await run.during('announcements lost', loseSome), 0);
  const before = link.lost();
  assert.equal(await run.during('the last announcements lost', async () => link.lose('chaos:')), 0);
  assert.ok(link.lost() > before);
  link.lose(undefined);
  const rewind = async () => {
    await redis.command('SAVE');
    await run.goesOn(250);
    await redis.restart({ saved: true });
  };
  assert.ok((await run.during('back without its end', rewind, 900)) > 0);
  assert.ok((await run.during('killed, and back empty', () => redis.restart())) > 0);
});

test('Sentinels: a primary that is replaced by a replica that lacks the end', { timeout }, async () => {
  await using set = await startRedisSentinels();
  await using run = await openRedisRun({ mode: 'sentinel', nodes: set.addresses, masterName: set.masterName, prefix: ownPrefix() });
  const failOver = async () => {
    await set.replica.lagBehind();
    await run.goesOn(250);
    await set.primary.kill();
    await set.promoted();
  };
  assert.ok((await run.during('replaced', failOver, 900)) > 0);
});

test('a Cluster of three nodes: slots moved, and a node replaced by a replica that lacks the end', { timeout }, async () => {
  await using cluster = await startRedisCluster({ masters: 3, replicas: 1 });
  await using run = await openRedisRun({ mode: 'cluster', nodes: cluster.addresses, prefix: ownPrefix() });
  const [first, second, third, replica] = cluster.nodes as [RedisServer, RedisServer, RedisServer, RedisServer];
  const keys = topics.map((topic) => `{${partitionTags[partitionOf(`t:${topic}`)]}}`);
  const moveAll = async (to: (owner: RedisServer) => RedisServer) => {
    for (const key of keys) await cluster.moveSlotOf(key, to(await cluster.ownerOf(key)));
  };
  assert.equal(await run.during('slots moved', () => moveAll((owner) => (owner === second ? third : second))), 0);
  assert.equal(await run.during('slots moved together', () => moveAll(() => first)), 0);
  const failOver = async () => {
    await replica.lagBehind();
    await run.goesOn(250);
    await first.kill();
    await until('the replica has the slots', async () => String(await replica.command('INFO', 'replication')).includes('role:master'), 20_000);
  };
  assert.ok((await run.during('replaced', failOver, 900)) > 0);
});
