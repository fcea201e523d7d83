// Two whole servers on one PostgreSQL and one Redis: what is sent at one reaches the clients of the other.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { openFixture } from '../fixture/app.ts';
import { openScriptedUpstream } from '../fixture/scripted-upstream.ts';
import type { ChatClient } from '../support/client/chat-client.ts';
import { ownPrefix, type RedisServer, startRedisServer } from '../support/redis/redis.ts';
import { type ChatCalls, chatCalls, roles, textEntry } from '../support/server/chat-server.ts';
import { openTestServer, type TestServer } from '../support/server/test-server.ts';
import { until } from '../support/time/until.ts';

let redis: RedisServer;
let scripted: Awaited<ReturnType<typeof openScriptedUpstream>>;
let a: TestServer & ChatCalls;
let b: TestServer & ChatCalls;
before(async () => {
  redis = await startRedisServer({ config: ['maxmemory-policy noeviction'] });
  scripted = await openScriptedUpstream();
  const common = { app: openFixture().app, samples: { scripted: scripted.address }, settings: { 'live.messagesPerSecond': 100 } };
  const one = await openTestServer({ ...common, redis: { mode: 'single', nodes: [redis.address], prefix: ownPrefix() } });
  const other = await openTestServer({ ...common, shared: one });
  a = { ...one, ...chatCalls(one) };
  b = { ...other, ...chatCalls(other) };
});
after(async () => {
  await b?.close();
  await a?.close();
  scripted?.close();
  await redis?.stop();
});

const post = (conversationId: string, text: string) => ({ case: 'post', value: { conversationId, entry: textEntry(text, randomUUID()) } });

test('senders at both replicas, clients at both: all get one order, without a hole', async () => {
  const conversationId = await a.group('ann', 'bob', 'cy');
  const clients = [await a.connect('ann'), await b.connect('bob'), await a.connect('cy'), await b.connect('cy')];
  await Promise.all(clients.map((client) => client.wait('caughtUp')));
  for (let n = 0; n < 60; n++) clients[n % clients.length]?.send(post(conversationId, `${n}`));
  await Promise.all(clients.map((client) => client.upTo(conversationId, 61)));
  const orders = clients.map((client) => client.events(conversationId).map(({ seq, eventId }) => `${seq} ${eventId}`));
  assert.equal(new Set(orders.map((order) => order.join())).size, 1);
  assert.equal(orders[0]?.length, 61);
});

test('what one device does reaches the other at another replica: read, added, removed', async () => {
  const [dan, eve] = [await a.connect('dan'), await b.connect('dan')];
  await Promise.all([dan.wait('caughtUp'), eve.wait('caughtUp')]);
  const conversationId = await b.group('finn', 'dan');
  await Promise.all([dan.upTo(conversationId, 1), eve.upTo(conversationId, 1)]);
  await b.post('finn', conversationId, 'hi');
  await Promise.all([dan.upTo(conversationId, 2), eve.upTo(conversationId, 2)]);
  dan.send({ case: 'received', value: { conversationId, deliveredSeq: 2n, readSeq: 2n } });
  await until('it is read at the other', () => eve.all('conversation').at(-1)?.conversation?.own?.readSeq === 2n);
  await a.call('finn', 'ChangeMembers', { conversationId, changes: [{ userId: 'dan', role: roles.none }] });
  await Promise.all([dan.wait('left'), eve.wait('left')]);
  await a.post('finn', conversationId, 'secret');
  const other = await b.group('finn', 'dan');
  await Promise.all([dan.upTo(other, 1), eve.upTo(other, 1)]);
  for (const device of [dan, eve]) assert.deepEqual(device.texts(conversationId), ['hi']);
});

test('members at both replicas see who looks at a conversation, also after Redis was away', async () => {
  const id = await a.group('ida', 'jan', 'kai');
  const [ida, jan] = [await a.connect('ida'), await b.connect('jan')];
  await Promise.all([ida.wait('welcome'), jan.wait('welcome')]);
  const sees = (client: ChatClient, ...users: readonly string[]) =>
    until(`${users} are present`, () => client.all('presence').at(-1)?.users.join() === users.join());
  for (const client of [ida, jan]) client.send({ case: 'looking', value: { conversationIds: [id] } });
  for (const client of [ida, jan]) await sees(client, 'ida', 'jan');
  await redis.kill();
  const kai = await b.connect('kai');
  await kai.wait('welcome');
  kai.send({ case: 'looking', value: { conversationIds: [id] } });
  await redis.restart();
  for (const client of [ida, jan, kai]) await sees(client, 'ida', 'jan', 'kai');
  jan.cut();
  for (const client of [ida, kai]) await sees(client, 'ida', 'kai');
});

test('while Redis is unavailable sends are stored, clients of the same replica get them, and the others do when it is back', async () => {
  const conversationId = await a.group('gus', 'hal');
  const [near, far] = [await a.connect('hal'), await b.connect('gus')];
  await Promise.all([near.wait('caughtUp'), far.wait('caughtUp')]);
  await redis.kill();
  for (let n = 0; n < 5; n++) await a.post('gus', conversationId, `${n}`);
  await near.upTo(conversationId, 6);
  const late = await b.connect('hal');
  await late.wait('caughtUp');
  assert.equal(late.texts(conversationId).length, 5);
  await redis.restart();
  await far.upTo(conversationId, 6);
  assert.deepEqual(far.texts(conversationId), ['0', '1', '2', '3', '4']);
});
