import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { topicKeys } from '../../src/core/adapters/redis/topic-log.ts';
import { StoreDown } from '../../src/core/kit/store-down.ts';
import type { TopicLog } from '../../src/core/ports/topic-log.ts';
import { fill, follower, pageMax, payload, publishOne, textOf, verdict, whole } from '../contracts/topic-log.ts';
import { openTopicLog, randomId } from '../support/redis/open-topic-log.ts';
import { ownPrefix, startRedisCluster, startRedisSentinels, startRedisServer } from '../support/redis/redis.ts';
import { slowClock } from '../support/time/slow-clock.ts';
import { until } from '../support/time/until.ts';

const single = (address: string) => ({ mode: 'single' as const, nodes: [address], prefix: ownPrefix() });
/** Asks until Redis answers: a busy machine may take longer than Redis is waited for, and a fault takes its time. */
async function insist<T>(what: string, ask: () => Promise<T>): Promise<T> {
  let answer: { readonly value: T } | undefined;
  await until(
    what,
    async () => {
      answer = await ask().then(
        (value) => ({ value }),
        (error: unknown) => {
          if (!(error instanceof StoreDown)) throw error;
          return undefined;
        },
      );
      return answer !== undefined;
    },
    30_000,
  );
  return (answer ?? assert.fail()).value;
}
/** A log for those who insist: a publish is repeated under one request id. */
function insisting(log: TopicLog): TopicLog {
  return {
    ...log,
    publish: (topic, events, limits) => {
      const named = events.map((event) => ({ requestId: randomId(), ...event }));
      return insist('it is published', () => log.publish(topic, named, limits));
    },
    read: (topic, after, page) => insist('it is read', () => log.read(topic, after, page)),
    top: (topic) => insist('the end is read', () => log.top(topic)),
  };
}
const publishAgain = (log: TopicLog, text: string) => publishOne(insisting(log), 't', { payload: payload(text), requestId: text });

// Each has servers of its own, and waits for them most of the time.
describe('the topic log on Redis', { concurrency: 3 }, () => {
  test('a fail-over to a replica that lacks the last events is found by every position of them, live and resumed', { timeout: 120_000 }, async () => {
    await using set = await startRedisSentinels();
    const place = { mode: 'sentinel' as const, nodes: set.addresses, masterName: set.masterName, prefix: ownPrefix() };
    using one = await openTopicLog(place);
    const live = follower();
    await one.log.follow('t', live);
    const at = await fill(insisting(one.log), 't', 5);
    await until('the replica has them', async () => Number(String(await set.replica.command('INFO', 'keyspace')).match(/keys=(\d+)/)?.[1]) >= 2);
    const offset = (info: unknown) => String(info).match(/master_repl_offset:(\d+)/)?.[1];
    await until('the replica is in step', async () => {
      const [here, there] = await Promise.all([set.primary.command('INFO', 'replication'), set.replica.command('INFO', 'replication')]);
      return offset(here) === offset(there);
    });
    await set.replica.lagBehind();
    for (let i = 6; i <= 8; i++) at.push(await publishOne(insisting(one.log), 't', { payload: payload(`lost ${i}`) }));
    await until('they are delivered', () => live.events.length === 8);
    await set.primary.kill();
    await set.promoted();
    await until('the gap is reported', () => live.gaps() > 0, 30_000);
    const read = async (i: number) => verdict(await insisting(one.log).read('t', at[i] ?? assert.fail(), pageMax));
    await until('Redis answers again', () => one.redis.state().up, 30_000);
    assert.deepEqual([await read(3), await read(5), await read(8)], ['4 5', '', 'ahead']);
    for (let i = 6; i <= 8; i++) await publishAgain(one.log, `${i}`);
    assert.deepEqual([await read(3), await read(5), await read(6), await read(8)], ['4 5 6 7 8', '6 7 8', 'other-event', 'other-event']);
  });

  test('a publish whose answer is lost appends once when it is repeated', { timeout: 60_000 }, async () => {
    await using server = await startRedisServer();
    using one = await openTopicLog(single(server.address));
    const start = await insisting(one.log).top('t');
    server.hang();
    await assert.rejects(publishOne(one.log, 't', { payload: payload('1'), requestId: '1' }), StoreDown);
    server.continue(); // Redis executes what it was sent
    await publishAgain(one.log, '1');
    await publishAgain(one.log, '2');
    assert.equal(verdict(await insisting(one.log).read('t', start, pageMax)), '1 2');
  });

  test('after a restart without data nobody is recovered, and a follower is notified and goes on', { timeout: 60_000 }, async () => {
    await using server = await startRedisServer();
    using one = await openTopicLog(single(server.address));
    const live = follower();
    await one.log.follow('t', live);
    const at = await fill(insisting(one.log), 't', 2);
    await server.restart();
    await until('the gap is reported', () => live.gaps() > 0, 20_000);
    const first = await publishAgain(one.log, 'new');
    assert.equal(first.offset, 1);
    for (const position of at) assert.equal(verdict(await insisting(one.log).read('t', position, pageMax)), 'epoch');
    await until('it is delivered', () => live.events.some((event) => textOf(event) === 'new'));
  });

  test('a full Redis refuses to publish and changes nothing; reading works', { timeout: 60_000 }, async () => {
    await using server = await startRedisServer({ config: ['maxmemory-policy noeviction'] });
    using one = await openTopicLog(single(server.address), slowClock);
    const live = follower();
    await one.log.follow('t', live);
    const at = await fill(insisting(one.log), 't', 3);
    await server.command('CONFIG', 'SET', 'maxmemory', 1);
    const full = (error: unknown) => error instanceof StoreDown && error.why === 'full';
    await assert.rejects(publishOne(one.log, 't', { payload: payload('4'), key: 'k', requestId: '4' }), full);
    await assert.rejects(one.log.top('new'), full);
    assert.equal(verdict(await insisting(one.log).read('t', at[1] ?? assert.fail(), pageMax)), '2 3');
    assert.deepEqual(await insisting(one.log).top('t'), at[3]);
    await server.command('CONFIG', 'SET', 'maxmemory', 0);
    assert.equal((await publishAgain(one.log, '4')).offset, 4);
    await until('it is delivered', () => live.events.length === 4);
    assert.deepEqual(live.events.map(textOf), ['1', '2', '3', '4']);
  });

  test('every key of a topic ends by itself: events with their age, the epoch later', { timeout: 60_000 }, async () => {
    await using server = await startRedisServer();
    const place = single(server.address);
    using one = await openTopicLog(place, slowClock);
    await insisting(one.log).top('unused');
    for (let i = 0; i < 3; i++)
      await insisting(one.log).publish('t', [{ payload: payload('1'), key: `${i % 2}`, requestId: `${i}` }, { payload: payload('2') }], {
        ...whole,
        ageMs: 60_000,
      });
    const keys = (await server.command('KEYS', `${place.prefix}*`)) as string[];
    const lives = new Map<string, number>();
    for (const key of keys) {
      const kind = `${key.slice(key.indexOf('}') + 1).split(':')[0]} ${key.endsWith('unused') ? 'unused' : ''}`.trim();
      lives.set(kind, Math.ceil(Number(await server.command('PTTL', key)) / 60_000));
    }
    assert.deepEqual(Object.fromEntries(lives), { 'l unused': 10, l: 30 * 24 * 60, e: 1, k: 1, i: 1, r: 5 });
    assert.equal(new Set(keys.filter((key) => !key.endsWith('unused')).map((key) => key.slice(0, key.indexOf('}')))).size, 1, 'all in one slot');
  });

  test('a slot that moves takes its logs with it: events are published and read on, and nothing is missed', { timeout: 120_000 }, async () => {
    await using cluster = await startRedisCluster();
    const place = { mode: 'cluster' as const, nodes: cluster.addresses, prefix: ownPrefix() };
    using one = await openTopicLog(place);
    using two = await openTopicLog(place);
    const live = follower();
    await two.log.follow('t', live);
    const [start = assert.fail()] = await fill(insisting(one.log), 't', 3);
    const [key] = topicKeys(place.prefix, 't');
    const owner = await cluster.ownerOf(key);
    const moving = cluster.moveSlotOf(key, cluster.nodes.find((node) => node !== owner) ?? assert.fail());
    for (let i = 4; i <= 30; i++) await publishAgain(one.log, `${i}`);
    await moving;
    for (let i = 31; i <= 40; i++) await publishAgain(one.log, `${i}`);
    const all = Array.from({ length: 40 }, (_, i) => `${i + 1}`).join(' ');
    const says = verdict(await insisting(two.log).read('t', start, pageMax));
    assert.equal(says, all);
    await until('the gap is reported, or nothing was lost', () => live.gaps() > 0 || live.events.length === 40);
    await publishAgain(one.log, 'last');
    await until('the follower goes on', () => live.events.some((event) => textOf(event) === 'last'));
  });
});
