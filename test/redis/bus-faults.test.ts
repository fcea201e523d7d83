import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { partitionTags, slotOf } from '../../src/core/kit/partitions.ts';
import { StoreDown } from '../../src/core/kit/store-down.ts';
import type { Bus } from '../../src/core/ports/bus.ts';
import { keeper } from '../contracts/bus.ts';
import { openTrickyLink } from '../support/link/tricky-link.ts';
import { openBus } from '../support/redis/open-bus.ts';
import { ownPrefix, type RedisServer, sharedCluster, startRedisCluster, startRedisSentinels, startRedisServer } from '../support/redis/redis.ts';
import { until } from '../support/time/until.ts';

const single = (address: string) => ({ mode: 'single' as const, nodes: [address], prefix: ownPrefix() });
const bytes = (text: string) => Buffer.from(text);
/** Publishes until it is done: what a publisher does whose message has to arrive. */
const sendTo = (bus: Bus, topic: string, text: string) =>
  until(
    `"${text}" is published`,
    () =>
      bus.publish(topic, bytes(text)).then(
        () => true,
        () => false,
      ),
    20_000,
  );

async function busConnections(server: RedisServer): Promise<number> {
  return String(await server.command('CLIENT', 'LIST')).match(/name=portico-bus /g)?.length ?? 0;
}

// Each has servers of its own, and waits for them most of the time.
describe('the bus', { concurrency: 4 }, () => {
  test('a Redis that is killed: the gap is told once it is back and subscribed, and then messages come', { timeout: 60_000 }, async () => {
    await using server = await startRedisServer();
    using a = await openBus(single(server.address));
    const kept = keeper();
    const subscription = await a.bus.subscribe('t', kept);
    await server.kill();
    await until('it is noticed', () => !subscription.isWhole());
    await assert.rejects(a.bus.publish('t', bytes('lost')), StoreDown);
    const late = keeper();
    const joining = a.bus.subscribe('t', late); // waits
    await server.restart();
    await until('the gap is told', () => kept.gaps() === 1);
    assert.equal(subscription.isWhole(), true);
    await joining;
    await sendTo(a.bus, 't', 'found');
    await until('both hear it', () => kept.heard.length > 0 && late.heard.length > 0);
    assert.deepEqual([kept.heard, late.heard, late.gaps()], [['found'], ['found'], 0]);
  });

  test('a Redis that hangs is noticed by probes; when it goes on, the gap is told', { timeout: 60_000 }, async () => {
    await using server = await startRedisServer();
    using a = await openBus(single(server.address));
    const kept = keeper();
    const subscription = await a.bus.subscribe('t', kept);
    server.hang();
    await until('it is noticed', () => !subscription.isWhole());
    await until('publishers are told at once', async () => {
      await assert.rejects(a.bus.publish('t', bytes('unknown')), StoreDown);
      return !a.redis.state().up;
    });
    await new Promise((later) => setTimeout(later, 1_500)); // until the second probe is missed
    server.continue();
    await until('the gap is told', () => kept.gaps() > 0);
    await sendTo(a.bus, 't', 'found');
    await until('it is heard', () => kept.heard.includes('found'));
  });

  test('a subscriber that went deaf while its connection stands is found by its probes', { timeout: 60_000 }, async () => {
    await using server = await startRedisServer();
    await using link = await openTrickyLink(server.port, 'portico-bus');
    const prefix = ownPrefix();
    using a = await openBus({ ...single(link.address), prefix });
    using b = await openBus({ ...single(server.address), prefix });
    const kept = keeper();
    const subscription = await a.bus.subscribe('t', kept);
    await b.bus.publish('t', bytes('1'));
    await until('it is heard', () => kept.heard.length === 1);
    link.deafen();
    await b.bus.publish('t', bytes('never heard'));
    await until('it is noticed', () => !subscription.isWhole());
    assert.equal(a.redis.state().up, true, 'the connection for commands is well');
    link.heal();
    await until('the gap is told', () => kept.gaps() === 1);
    await b.bus.publish('t', bytes('2'));
    await until('it is heard', () => kept.heard.length === 2);
    assert.deepEqual(kept.heard, ['1', '2']);
  });

  test('a quiet bus stays whole: probes are answered', { timeout: 60_000 }, async () => {
    await using server = await startRedisServer();
    using a = await openBus(single(server.address));
    const kept = keeper();
    const subscription = await a.bus.subscribe('t', kept);
    for (let i = 0; i < 30; i++) {
      await new Promise((later) => setTimeout(later, 100));
      assert.equal(subscription.isWhole(), true);
    }
    assert.deepEqual([kept.gaps(), kept.heard.length], [0, 0]);
  });

  test('in a Cluster there is one subscriber connection for each node, and each has its share of the partitions', { timeout: 60_000 }, async () => {
    await using cluster = await startRedisCluster();
    using a = await openBus({ mode: 'cluster', nodes: cluster.addresses.slice(0, 1), prefix: ownPrefix() });
    await Promise.all(Array.from({ length: 2_000 }, (_, i) => a.bus.subscribe(`order:${i}`, keeper())));
    assert.deepEqual(await Promise.all(cluster.nodes.map(busConnections)), [1, 1, 1]);
    const topicsOf = async (node: (typeof cluster.nodes)[number]) =>
      ((await node.command('PUBSUB', 'SHARDCHANNELS')) as string[]).filter((channel) => /\.order:\d+$/.test(channel)); // without those of probes
    const channels = await Promise.all(cluster.nodes.map(async (node) => (await topicsOf(node)).length));
    assert.equal(
      channels.reduce((sum, count) => sum + count, 0),
      2_000,
    );
    for (const count of channels) assert.ok(count > 550 && count < 780, `${channels}`);
    const partitions = cluster.nodes.map(({ address }) => partitionTags.filter((tag) => a.redis.router.nodeOf(slotOf(tag))?.name === address).length);
    assert.deepEqual(partitions.toSorted(), [42, 43, 43]);
  });

  test('many listeners of one topic in a replica cost one subscription, which ends with the last of them', { timeout: 60_000 }, async () => {
    await using server = await startRedisServer();
    const place = single(server.address);
    using a = await openBus(place);
    const kept = Array.from({ length: 100 }, () => keeper());
    const subscriptions = await Promise.all(kept.map((one) => a.bus.subscribe('t', one)));
    const [channel = ''] = ((await server.command('PUBSUB', 'SHARDCHANNELS')) as string[]).filter((name) => name.endsWith('.t'));
    assert.deepEqual(await server.command('PUBSUB', 'SHARDNUMSUB', channel), [channel, 1]);
    await a.bus.publish('t', bytes('1'));
    await until('all hear it', () => kept.every(({ heard }) => heard.length === 1));
    for (const one of subscriptions) one.close();
    await until('the server knows of none', async () => !((await server.command('PUBSUB', 'SHARDCHANNELS')) as string[]).includes(channel));
  });

  test('a slot that moves: its topics are subscribed at its new node and told of the gap, the others hear on', { timeout: 60_000 }, async () => {
    await using cluster = await startRedisCluster();
    const place = { mode: 'cluster' as const, nodes: cluster.addresses, prefix: ownPrefix() };
    using a = await openBus(place);
    using b = await openBus(place);
    const kept = Array.from({ length: 40 }, () => keeper());
    await Promise.all(kept.map((one, i) => a.bus.subscribe(`order:${i}`, one)));
    const slotKey = `{${partitionTags[5]}}`;
    const owner = await cluster.ownerOf(slotKey);
    const other = cluster.nodes.find((node) => node !== owner);
    assert.ok(other);
    const inSlot = (await owner.command('PUBSUB', 'SHARDCHANNELS')) as string[];
    const moving = kept.filter((_, i) => inSlot.some((channel) => channel === `${place.prefix}${slotKey}.order:${i}`));
    const told = async (text: string) => {
      for (const i of kept.keys()) await sendTo(b.bus, `order:${i}`, text);
      await until(`all hear "${text}"`, () => kept.every(({ heard }) => heard.includes(text)));
    };
    await told('before');
    await cluster.moveSlotOf(slotKey, other);
    await until('the gaps are told', () => moving.every(({ gaps }) => gaps() === 1));
    await told('after');
    for (const one of kept) assert.equal(one.gaps(), moving.includes(one) ? 1 : 0);
  });

  test('after a fail-over by Sentinels the bus is at the new primary, and the gap is told', { timeout: 60_000 }, async () => {
    await using set = await startRedisSentinels();
    const place = { mode: 'sentinel' as const, nodes: set.addresses, masterName: set.masterName, prefix: ownPrefix() };
    using a = await openBus(place);
    using b = await openBus(place);
    const kept = keeper();
    await a.bus.subscribe('t', kept);
    await b.bus.publish('t', bytes('before'));
    await until('it is heard', () => kept.heard.length === 1);
    await set.primary.kill();
    await set.promoted();
    await until('the gap is told', () => kept.gaps() > 0, 20_000);
    await sendTo(b.bus, 't', 'after');
    await until('it is heard', () => kept.heard.includes('after'));
  });

  test('many topics of a shared Cluster are confirmed, heard and given back', { timeout: 60_000 }, async () => {
    const place = await sharedCluster();
    using a = await openBus(place);
    const subscriptions = await Promise.all(Array.from({ length: 3_000 }, (_, i) => a.bus.subscribe(`t:${i}`, keeper())));
    assert.ok(subscriptions.every((one) => one.isWhole()));
    for (const one of subscriptions) one.close();
    const kept = keeper();
    await a.bus.subscribe('t:0', kept);
    await a.bus.publish('t:0', bytes('1'));
    await until('it is heard', () => kept.heard.length === 1);
  });
});
