// A Redis Cluster under load on two whole servers: slots move, and a node is replaced by a replica that lacks the tail.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { partitionOf, partitionTags, slotOf } from '../../src/core/kit/partitions.ts';
import { ownPrefix, type RedisCluster, type RedisServer, startRedisCluster } from '../support/redis/redis.ts';
import { until } from '../support/time/until.ts';
import { bring, type Loaded, openLoaded } from './fault.ts';
import { failOver } from './replica-faults.ts';

/** What lies in one slot with a tag's version, or with a topic of the bus. */
const slotKeyOf = (name: string) => `{${partitionTags[partitionOf(name)]}}`;
/** Half of them have their versions at the first node. */
const numbers = Array.from({ length: 200 }, (_, i) => String(i));
const atFirst = (item: string) => slotOf(slotKeyOf(`item:${item}`)) < 5_461;
const items = [...numbers.filter(atFirst).slice(0, 4), ...numbers.filter((item) => !atFirst(item)).slice(0, 4)];

let cluster: RedisCluster;
let loaded: Loaded & AsyncDisposable;
before(async () => {
  cluster = await startRedisCluster({ masters: 3, replicas: 1 });
  loaded = await openLoaded({ mode: 'cluster', nodes: cluster.addresses, prefix: ownPrefix() }, { items, seed: 1 });
});
after(async () => {
  await loaded?.[Symbol.asyncDispose]();
  await cluster?.stop();
});

test('slots that move, with versions of tags and topics of the bus in them', { timeout: 180_000 }, async () => {
  const moving = ['invalidated', 'revocations', ...items.filter((item) => !atFirst(item)).map((item) => `item:${item}`)].map(slotKeyOf);
  const [, second, third] = cluster.nodes as [RedisServer, RedisServer, RedisServer];
  const move = async () => {
    for (const key of moving) await cluster.moveSlotOf(key, (await cluster.ownerOf(key)) === second ? third : second);
  };
  const { told = 0, hit = 0 } = await bring({ name: 'slots moved', begin: move }, loaded);
  assert.ok(told > 10 && hit > 0, `${told} invalidations, ${hit} hits`);
});

test('a node that is replaced by a replica that lacks the tail', { timeout: 180_000 }, async () => {
  const [first, , , replica] = cluster.nodes as [RedisServer, RedisServer, RedisServer, RedisServer];
  const promoted = () =>
    until('the replica has the slots', async () => String(await replica.command('INFO', 'replication')).includes('role:master'), 20_000);
  await bring(failOver(first, replica, promoted, loaded.load), loaded);
});
