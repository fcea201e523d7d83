// Messages to the streams of other replicas: the clock of the sender moves only where a test says so, so whoever is
// answered meanwhile has waited for nothing.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { memoryBus } from '../../src/core/adapters/memory/bus.ts';
import { memoryPresence } from '../../src/core/adapters/memory/presence-store.ts';
import { memoryTopicLog } from '../../src/core/adapters/memory/topic-log.ts';
import { redisPresence } from '../../src/core/adapters/redis/presence-store.ts';
import type { Bus } from '../../src/core/ports/bus.ts';
import type { Presence } from '../../src/core/ports/presence.ts';
import { refreshMs } from '../../src/core/ports/presence-limits.ts';
import { openSends, type Sent } from '../../src/core/streams/send-to-replica.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { isFault } from '../support/is-fault.ts';
import { quietLog } from '../support/log.ts';
import { openBus } from '../support/redis/open-bus.ts';
import { randomId } from '../support/redis/open-topic-log.ts';
import { ownPrefix, type RedisPlace, sharedCluster, sharedRedis, startRedisServer } from '../support/redis/redis.ts';
import { fakeClock } from '../support/time/clock.ts';
import { until } from '../support/time/until.ts';

/** One process: what it shares with the others. */
type Process = { readonly bus: Bus; readonly presence: Presence; close(): void };

async function onRedis(place: RedisPlace): Promise<Process> {
  const { redis, bus, close } = await openBus(place);
  const presence = redisPresence({ redis, clock: systemClock, log: quietLog, replica: randomId(), randomId });
  const closeAll = () => {
    presence.close();
    close();
  };
  return { bus, presence, close: closeAll };
}

/** A replica that keeps what it handles. @param whenToSubscribe until then its subscription is interrupted */
function openReplica({ bus, presence }: Pick<Process, 'bus' | 'presence'>, whenToSubscribe = Promise.resolve()) {
  const replica = randomId();
  const clock = fakeClock();
  const handled: Sent[] = [];
  const count = { published: 0, looked: 0 };
  const sends = openSends({
    bus: {
      publish: (...words) => {
        count.published++;
        return bus.publish(...words);
      },
      subscribe: (...words) => whenToSubscribe.then(() => bus.subscribe(...words)),
    },
    presence: {
      join: presence.join,
      state: (topic) => presence.state(topic).finally(() => count.looked++),
    },
    clock,
    topic: 'live.send',
    replica,
    handle: async (sent) => void handled.push(sent),
  });
  const send = (to: string) => sends.send({ streamId: `${to}.1`, userId: 'u', sessionId: 's', n: 1, message: Buffer.from('hi') });
  const isListed = async (other = replica) => (await presence.state('~live.send')).users?.includes(other) === true;
  return { replica, clock, handled, count, send, isListed, close: sends.close };
}

/** Opens one that is there for so long that it knows all others. */
async function openSender(on: Process) {
  const sender = openReplica(on);
  await until('it has begun', async () => sender.count.looked > 0 && (await sender.isListed()));
  await sender.clock.advance(refreshMs);
  return sender;
}

/** Sends to a replica that receives nothing, until the message was sent twice. */
async function sendTwice(sender: Awaited<ReturnType<typeof openSender>>, to: string) {
  const answer = sender.send(to);
  answer.catch(() => {});
  for (const times of [1, 2]) {
    const { looked } = sender.count;
    if (times > 1) await sender.clock.advance(500);
    await until('it has looked who is there', () => sender.count.looked > looked);
  }
  return { answer };
}

function sendTests(where: string, open: () => Promise<readonly [Process, Process]>) {
  const on = (name: string, body: (a: Process, b: Process) => Promise<void>) =>
    test(`${where}: ${name}`, { timeout: 60_000 }, async () => {
      const [a, b] = await open();
      await body(a, b).finally(() => {
        a.close();
        b.close();
      });
    });

  on('a replica that never was is unknown without a wait, by one message to nobody', async (a) => {
    const sender = await openSender(a);
    await assert.rejects(sender.send(randomId()), isFault('STREAM_UNKNOWN'));
    assert.equal(sender.count.published, 1);
    await sender.close();
  });

  on('many forged ids cost one look at the list', async (a) => {
    const sender = await openSender(a);
    const { looked } = sender.count;
    await Promise.all(Array.from({ length: 100 }, () => assert.rejects(sender.send(randomId()), isFault('STREAM_UNKNOWN'))));
    assert.equal(sender.count.looked, looked + 1);
    await sender.close();
  });

  on('a sender whose subscription is interrupted gets the answer when it works again', async (a, b) => {
    const whenToSubscribe = Promise.withResolvers<void>();
    const [sender, holder] = [openReplica(a, whenToSubscribe.promise), openReplica(b)];
    await until('the other receives', () => holder.count.looked > 0);
    const answer = sender.send(holder.replica);
    await until('it has answered, to no one', () => holder.count.published > 0);
    whenToSubscribe.resolve();
    await until('the sender receives', () => sender.count.looked > 0);
    await holder.clock.advance(500);
    await answer;
    assert.equal(holder.handled.length, 1);
    for (const one of [sender, holder]) await one.close();
  });

  on('a replica that has ended is unknown without a wait', async (a, b) => {
    const never = new Promise<void>(() => {}); // its subscription ends with its process: here it has none
    const [sender, holder] = [await openSender(a), openReplica(b, never)];
    await until('it is there', () => sender.isListed(holder.replica));
    await holder.close();
    await assert.rejects(sender.send(holder.replica), isFault('STREAM_UNKNOWN'));
    await sender.close();
  });

  on('a replica whose subscription is interrupted gets the message when it works again', async (a, b) => {
    const whenToSubscribe = Promise.withResolvers<void>();
    const [sender, holder] = [await openSender(a), openReplica(b, whenToSubscribe.promise)];
    await until('it is there', () => sender.isListed(holder.replica));
    const { answer } = await sendTwice(sender, holder.replica);
    whenToSubscribe.resolve();
    await until('it receives', () => holder.count.looked > 0);
    await sender.clock.advance(500);
    await answer;
    assert.equal(holder.handled.length, 1);
    for (const one of [sender, holder]) await one.close();
  });

  on('one that stays interrupted is unknown after a time', async (a, b) => {
    const [sender, holder] = [await openSender(a), openReplica(b, new Promise(() => {}))];
    await until('it is there', () => sender.isListed(holder.replica));
    const { answer } = await sendTwice(sender, holder.replica);
    await sender.clock.advance(3_000);
    await assert.rejects(answer, isFault('STREAM_UNKNOWN'));
    for (const one of [sender, holder]) await one.close();
  });

  on('an older replica, which is on no list, receives messages as before', async (a, b) => {
    const never = { leave: async () => {} };
    const [sender, holder] = [await openSender(a), openReplica({ ...b, presence: { ...b.presence, join: async () => never } })];
    await until('it receives', () => holder.count.looked > 0);
    await sender.send(holder.replica);
    assert.equal(holder.handled.length, 1);
    assert.equal(await sender.isListed(holder.replica), false);
    for (const one of [sender, holder]) await one.close();
  });
}

describe('messages to other replicas', { concurrency: 2 }, () => {
  sendTests('in memory', async () => {
    const bus = memoryBus(quietLog);
    const topics = memoryTopicLog({ clock: systemClock, bus, randomId });
    const presence = memoryPresence({ clock: systemClock, log: quietLog, replica: randomId(), topics });
    const one = { bus, presence, close: presence.close };
    return [one, one];
  });
  for (const [where, shared] of [
    ['one Redis', sharedRedis],
    ['a Redis Cluster', sharedCluster],
  ] as const)
    sendTests(where, async () => {
      const place = await shared();
      return [await onRedis(place), await onRedis(place)];
    });

  test('after a loss of the list nobody is unknown before all had the time to be on it again', { timeout: 60_000 }, async () => {
    await using server = await startRedisServer();
    const place = { mode: 'single', nodes: [server.address], prefix: ownPrefix() } as const;
    const [a, b] = [await onRedis(place), await onRedis(place)];
    const whenToSubscribe = Promise.withResolvers<void>();
    const [sender, holder] = [await openSender(a), openReplica(b, whenToSubscribe.promise)];
    await until('it is there', () => sender.isListed(holder.replica));
    await server.command('FLUSHALL');
    const { answer } = await sendTwice(sender, holder.replica);
    assert.equal(await sender.isListed(holder.replica), false);
    whenToSubscribe.resolve();
    await until('it receives', () => holder.count.looked > 0);
    await sender.clock.advance(500);
    await answer;
    for (const one of [sender, holder, a, b]) await one.close();
  });

  test('without Redis the sender hears that, and no stream is unknown', { timeout: 60_000 }, async () => {
    await using server = await startRedisServer();
    const a = await onRedis({ mode: 'single', nodes: [server.address], prefix: ownPrefix() });
    const sender = await openSender(a);
    await server.kill();
    await assert.rejects(sender.send(randomId()), isFault('STORE_DOWN'));
    for (const one of [sender, a]) await one.close();
  });
});
