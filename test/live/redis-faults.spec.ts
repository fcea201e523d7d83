// Two replicas on one Redis, and on a Cluster, to which things happen: what is published at one reaches the clients of
// the other, nothing is missed silently, and clients are notified of a loss only where Redis has lost something.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { partitionOf, partitionTags } from '../../src/core/kit/partitions.ts';
import { openLossyRedisLink } from '../support/link/lossy-redis-link.ts';
import { ownPrefix, type RedisServer, startRedisCluster, startRedisSentinels, startRedisServer } from '../support/redis/redis.ts';
import { until } from '../support/time/until.ts';
import { loseEnd } from './crowd/lose-end.ts';
import { openRedisRun, topics } from './crowd/redis-run.ts';

const timeout = 240_000;

test('one Redis: connections cut, announcements lost, killed, back without its end, seen at once or late, back empty', { timeout }, async () => {
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
    await run.progress.goesOn(250);
    await redis.restart({ saved: true });
  };
  assert.ok((await run.during('back without its end', rewind, 900)) > 0);
  const rewindUnseen = () => loseEnd(redis, link, run.progress);
  assert.ok((await run.during('back without its end, whose offsets others take before the other server is back', rewindUnseen, 1_800)) > 0);
  assert.ok((await run.during('killed, and back empty', () => redis.restart())) > 0);
});

test('Sentinels: a primary that is replaced by a replica that lacks the end', { timeout }, async () => {
  await using set = await startRedisSentinels();
  await using run = await openRedisRun({ mode: 'sentinel', nodes: set.addresses, masterName: set.masterName, prefix: ownPrefix() });
  const failOver = async () => {
    await set.replica.lagBehind();
    await run.progress.goesOn(250);
    await set.primary.kill();
    await set.promoted();
  };
  assert.ok((await run.during('replaced', failOver, 900)) > 0);
});

test('a Cluster of three nodes: announcements lost, slots moved, a node killed, and one replaced by a replica that lacks the end', {
  timeout: 2 * timeout,
}, async (context) => {
  await using cluster = await startRedisCluster({ masters: 3, replicas: 2, lossy: true });
  await using run = await openRedisRun({ mode: 'cluster', nodes: cluster.addresses, prefix: ownPrefix() });
  const [first, second, third, replica, otherReplica] = cluster.nodes as [RedisServer, RedisServer, RedisServer, RedisServer, RedisServer];
  const keys = topics.map((topic) => `{${partitionTags[partitionOf(`t:${topic}`)]}}`);
  const moveAll = async (to: (owner: RedisServer) => RedisServer) => {
    for (const key of keys) await cluster.moveSlotOf(key, to(await cluster.ownerOf(key)));
  };
  const lost = () => cluster.links.reduce((sum, link) => sum + link.lost(), 0);
  const lose = (channels: string | undefined) => {
    for (const link of cluster.links) link.lose(channels);
  };
  const loseSome = async (more: () => Promise<unknown> = async () => {}) => {
    const before = lost();
    lose('chaos:');
    await more();
    await until('some are lost', () => lost() > before + 20);
    lose(undefined);
  };
  const isPrimary = (node: RedisServer) => async () => String(await node.command('INFO', 'replication')).includes('role:master');
  assert.equal(await run.during('announcements lost', () => loseSome()), 0);
  const before = lost();
  assert.equal(await run.during('the last announcements lost, of invalidations too, and nothing after them', async () => lose('')), 0);
  assert.ok(lost() > before);
  lose(undefined);
  assert.equal(await run.during('slots moved', () => moveAll((owner) => (owner === second ? third : second))), 0);
  assert.equal(await run.during('slots moved while announcements are lost', () => loseSome(() => moveAll(() => first))), 0);
  const failOver = async () => {
    await replica.lagBehind();
    await run.progress.goesOn(250);
    await first.kill();
    await until('the replica has the slots', isPrimary(replica), 20_000);
  };
  assert.ok((await run.during('replaced by a replica that lacks the end', failOver, 900)) > 0);
  await run.during('slots moved to a node with a replica', () => moveAll(() => second));
  const killed = async () => {
    await second.kill();
    await until('its replica has the slots', isPrimary(otherReplica), 20_000);
  };
  // what was not yet with the replica is lost: whoever had it is notified, and nobody misses it silently
  context.diagnostic(`killed, with a replica that follows: ${await run.during('killed', killed, 900)} were notified`);
});
