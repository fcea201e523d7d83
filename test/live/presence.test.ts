// Who is on a topic: its state first, then the changes, the same bytes for all.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { memoryBus } from '../../src/core/adapters/memory/bus.ts';
import { memoryPresenceStore } from '../../src/core/adapters/memory/presence-store.ts';
import { memoryTopicLog } from '../../src/core/adapters/memory/topic-log.ts';
import { presenceBy } from '../../src/core/adapters/presence/refresh-presence.ts';
import { noSpans } from '../../src/core/adapters/telemetry/messaging-spans.ts';
import { presenceTopicOf } from '../../src/core/ports/presence.ts';
import { openFeeds } from '../../src/core/services/live/topic-feed.ts';
import { openPresences } from '../../src/core/services/live/topic-presence.ts';
import { openTurns, perTurn } from '../../src/core/streams/event-loop-turns.ts';
import { LiveResponse } from '../../src/gen/portico/v1/live.ts';
import type { LiveClient } from '../support/client/live-client.ts';
import { presentAt } from '../support/client/present-at.ts';
import { quietLog } from '../support/log.ts';
import { type LiveServer, openLiveServer } from '../support/server/live-server.ts';
import { fakeClock } from '../support/time/clock.ts';
import { until } from '../support/time/until.ts';

let server: LiveServer;
before(async () => {
  server = await openLiveServer();
});
after(() => server?.close());

let topics = 0;
const newTopic = () => `hall:${++topics}`;
const at = (topic: string, more: object = {}) => ({ subscriptions: [{ topic, generation: 1, presence: true, ...more }] });
const sees = (client: LiveClient, topic: string, users: readonly string[]) =>
  until(`${users} are present`, () => presentAt(client.received, topic)?.users?.join() === [...users].sort().join());

test('the state comes after subscribed, then who comes and who leaves', async () => {
  const topic = newTopic();
  const alice = await server.live('alice', at(topic));
  await sees(alice, topic, ['alice']);
  const kinds = alice.received.map(({ $case }) => $case);
  assert.ok(kinds.indexOf('subscribed') < kinds.indexOf('presenceState'), kinds.join());
  const bob = await server.live('bob', at(topic, { presence: false }));
  await sees(alice, topic, ['alice', 'bob']);
  assert.equal(alice.all('presenceChange').at(-1)?.count, 2);
  const eve = await server.live('eve', at(topic));
  await sees(eve, topic, ['alice', 'bob', 'eve']);
  bob.cut();
  eve.send({ case: 'unsubscribe', value: { topic, generation: 1 } });
  await sees(alice, topic, ['alice']);
  assert.deepEqual(
    bob.received.filter(({ $case }) => $case.startsWith('presence')),
    [],
  );
});

test('a user with two devices who loses one of them, or returns in time, is present all the while', async () => {
  const topic = newTopic();
  const alice = await server.live('alice', at(topic));
  const one = await server.live('bob', { device: 'one', ...at(topic) });
  await sees(alice, topic, ['alice', 'bob']);
  const other = await server.live('bob', { device: 'other', ...at(topic) });
  await other.wait('presenceState');
  one.cut();
  other.cut();
  const again = await server.live('bob', { device: 'one', ...at(topic) });
  await again.wait('presenceState');
  const eve = await server.live('eve', at(topic));
  await sees(alice, topic, ['alice', 'bob', 'eve']);
  eve.cut();
  await sees(alice, topic, ['alice', 'bob']); // whoever left before would have left by now
  assert.deepEqual(
    alice.all('presenceChange').flatMap(({ left }) => left),
    ['eve'],
  );
});

test('above the size only the number is reported; below it all are listed again', async () => {
  const topic = newTopic();
  const alice = await server.live('alice', at(topic));
  const clients = await Promise.all(['b', 'c', 'd', 'e', 'f'].map((user) => server.live(user, at(topic))));
  await until('six are counted', () => presentAt(alice.received, topic)?.count === 6);
  assert.equal(presentAt(alice.received, topic)?.users, undefined);
  for (const client of clients.slice(0, 4)) client.cut();
  await sees(alice, topic, ['alice', 'f']);
});

test('a topic without presence has none, and the log of changes is nobody else’s to read or to write', async () => {
  const client = await server.live('alice', { subscriptions: [{ topic: 'room:none', presence: true }, { topic: 'hall:x~presence' }] });
  assert.equal((await client.wait('subscriptionClosed')).reason, 'TOPIC_UNKNOWN');
  client.send({ case: 'publish', value: { topic: 'hall:x~presence', requestId: 'x', payload: Buffer.from('["join",9,"eve"]') } });
  assert.equal((await client.wait('published')).reason, 'TOPIC_UNKNOWN');
  await assert.rejects(server.publish({ topic: 'hall:x~presence', text: '["join",9,"eve"]' }), /TOPIC_UNKNOWN/);
  assert.equal(client.all('presenceState').length, 0);
});

/** Replicas that share a memory, and clients whose room a test gives and takes. */
function openGroup() {
  const clock = fakeClock();
  let ids = 0;
  const log = memoryTopicLog({ clock, bus: memoryBus(quietLog), randomId: () => String(ids++) });
  const shared = memoryPresenceStore({ clock, topics: log });
  const replica = (name: string) => presenceBy(shared, { clock, log: quietLog, replica: name }).presence;
  const [here, there] = [replica('here'), replica('there')];
  const turns = openTurns(clock.monotonicMs);
  const presences = openPresences({
    presence: here,
    feeds: openFeeds({ log, turns, spans: noSpans, clock, report: quietLog }),
    turns,
    clock,
    log: quietLog,
  });
  const client = () => {
    const bytes: Uint8Array[] = [];
    let room = true;
    const waiting = new Set<() => void>();
    const out = {
      send: (message: Uint8Array) => void bytes.push(message),
      hasRoom: () => room,
      onRoom: (callback: () => void) => {
        if (room) callback();
        else waiting.add(callback);
        return () => void waiting.delete(callback);
      },
    };
    const received = () => bytes.flatMap((each) => LiveResponse.decode(each).message ?? []);
    return {
      bytes,
      received,
      waiting,
      end: presences.watch('t', out),
      users: () => presentAt(received(), 't')?.users?.join(),
      hasRoom: (value: boolean) => {
        room = value;
        if (value) for (const callback of [...waiting].filter((each) => waiting.delete(each))) callback();
      },
    };
  };
  const limits = { listMax: 100, leaveAfterMs: 5_000 };
  /** Events pass to the group in one turn of the loop, and from there to its members in later ones. */
  const advance = async (ms: number) => {
    await clock.advance(ms);
    for (let i = 0; i < 5; i++) await new Promise(setImmediate);
  };
  return { clock: { advance }, log, here, there, client, limits };
}

test('each message is encoded once; a slow client gets the newest state and no change', async () => {
  const { clock, here, client, limits } = openGroup();
  const [quick, other, slow] = [client(), client(), client()];
  await clock.advance(10);
  slow.hasRoom(false);
  for (let i = 0; i < 20; i++) {
    void here.join('t', `user ${i}`, limits);
    await clock.advance(10);
  }
  await clock.advance(10);
  assert.equal(quick.received().length, 21);
  assert.ok(quick.bytes.every((bytes, i) => bytes === other.bytes[i]));
  assert.equal(slow.bytes.length, 1);
  slow.hasRoom(true);
  assert.deepEqual([slow.bytes.length, slow.users(), slow.waiting.size], [2, quick.users(), 0]);
  slow.hasRoom(false);
  void here.join('t', 'last', limits);
  await clock.advance(10);
  for (const each of [quick, other, slow]) each.end();
  assert.equal(slow.waiting.size, 0);
});

test('a turn tells only so many members of a change; who comes meanwhile gets the state, and nobody an older change after it', async () => {
  const { clock, here, client, limits } = openGroup();
  const members = Array.from({ length: 3 * perTurn }, client);
  await clock.advance(10);
  const late: ReturnType<typeof client>[] = [];
  const sent = () => [...members, ...late].reduce((sum, { bytes }) => sum + bytes.length, 0);
  for (let i = 0; i < 5; i++) void here.join('t', `user ${i}`, limits);
  const advanced = clock.advance(10);
  for (let before = sent(), quiet = 0; quiet < 10; before = sent()) {
    await new Promise(setImmediate);
    const now = sent() - before;
    assert.ok(now <= perTurn, `${now} messages in one turn`);
    quiet = now === 0 ? quiet + 1 : 0;
    if (now > 0 && late.length < 5) late.push(client());
  }
  await advanced;
  await clock.advance(10);
  assert.ok(late.length > 2);
  for (const one of [...members, ...late]) {
    assert.equal(one.users(), 'user 0,user 1,user 2,user 3,user 4');
    const offsets = one.received().flatMap((message) => ('position' in message.value ? [Number(message.value.position?.offset)] : []));
    assert.deepEqual(
      offsets,
      [...new Set(offsets)].sort((a, b) => a - b),
    );
    one.end();
  }
});

test('the users of a replica that dies leave, and a lost log of changes is no lost state', async () => {
  const { clock, log, here, there, client, limits } = openGroup();
  await here.join('t', 'ada', limits);
  await there.join('t', 'bob', limits);
  const one = client();
  await clock.advance(10);
  assert.equal(one.users(), 'ada,bob');
  log.faults.evictEpoch(presenceTopicOf('t'));
  void here.join('t', 'eve', limits);
  await clock.advance(2_000);
  assert.equal(one.users(), 'ada,bob,eve');
  there.close(); // as when its process ends: nobody leaves by it
  await clock.advance(57_000);
  assert.equal(one.users(), 'ada,bob,eve');
  await clock.advance(10_000);
  assert.equal(one.users(), 'ada,eve');
});
