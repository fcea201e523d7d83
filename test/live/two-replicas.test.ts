// Two whole servers on one Redis: what happens at one reaches the clients of the other.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { create, type DescMessage, fromBinary, toBinary } from '@bufbuild/protobuf';
import { presenceKeys } from '../../src/core/adapters/redis/presence-store.ts';
import { openFixture } from '../fixture/app.ts';
import { GetItemRequest } from '../fixture/gen/fixture/v1/fixture.ts';
import { openScriptedUpstream } from '../fixture/scripted-upstream.ts';
import { openByOpen } from '../support/client/live-client.ts';
import { presentAt } from '../support/client/present-at.ts';
import { signIn, transportOf } from '../support/client/protocols.ts';
import { ownPrefix, type RedisServer, startRedisServer } from '../support/redis/redis.ts';
import { callInternal, liveCalls, liveRegistry, namespaces } from '../support/server/live-server.ts';
import { openTestServer, type TestServer } from '../support/server/test-server.ts';
import { until } from '../support/time/until.ts';

let redis: RedisServer;
let scripted: Awaited<ReturnType<typeof openScriptedUpstream>>;
const fixture = openFixture();
let a: TestServer & ReturnType<typeof liveCalls>;
let b: TestServer & ReturnType<typeof liveCalls>;
before(async () => {
  redis = await startRedisServer({ config: ['maxmemory-policy noeviction'] });
  scripted = await openScriptedUpstream();
  const common = {
    app: fixture.app,
    samples: { scripted: scripted.address },
    settings: { 'live.namespaces': namespaces, 'live.streamsPerUser': 100 },
  };
  const one = await openTestServer({ ...common, redis: { mode: 'single', nodes: [redis.address], prefix: ownPrefix() } });
  const other = await openTestServer({ ...common, shared: one });
  a = { ...one, ...liveCalls(one) };
  b = { ...other, ...liveCalls(other) };
});
after(async () => {
  await b?.close();
  await a?.close();
  scripted?.close();
  await redis?.stop();
});

test('published at one, received at the other, in order', async () => {
  const client = await b.live('alice', { subscriptions: [{ topic: 'news:1' }] });
  await client.wait('subscribed');
  for (let i = 0; i < 20; i++) await a.publish(...Array.from({ length: 10 }, (_, j) => ({ topic: 'news:1', text: String(i * 10 + j) })));
  await until('all are there', () => client.events().length === 200);
  assert.deepEqual(
    client.events(),
    Array.from({ length: 200 }, (_, i) => String(i)),
  );
});

test('a client resumes at another replica with its position', async () => {
  const client = await a.live('bob', { subscriptions: [{ topic: 'news:2' }] });
  const { position } = await client.wait('subscribed');
  await b.publish({ topic: 'news:2', text: 'one' });
  await until('it came', () => client.events().length === 1);
  const last = client.all('events')[0]?.events[0];
  client.cut();
  await b.publish({ topic: 'news:2', text: 'two' });
  const again = await b.live('bob', {
    subscriptions: [{ topic: 'news:2', position: { epoch: position?.epoch, offset: last?.offset, eventId: last?.id } }],
  });
  assert.equal((await again.wait('subscribed')).recovered, true);
  await until('it came', () => again.events().length === 1);
  assert.deepEqual(again.events(), ['two']);
});

test('invalidated at one, a new snapshot at the other', async () => {
  const schema = (name: string) => liveRegistry.getMessage(`fixture.v1.${name}`) as DescMessage;
  const request = Buffer.from(toBinary(schema('GetItemRequest'), create(schema('GetItemRequest'), { itemId: 'two' })));
  const client = await b.live('carl', { watches: [{ id: 1, method: 'fixture.v1.ScreenService/GetItem', request }] });
  await client.wait('snapshot');
  fixture.titles.set('two', 'second');
  await a.invalidate('item:two');
  const { payload } = await client.wait('snapshot', 2);
  assert.equal((fromBinary(schema('GetItemResponse'), payload) as unknown as { title: string }).title, 'second');
});

test('one invalidation of several tags, at either replica, is one computation', async () => {
  const request = Buffer.from(GetItemRequest.encode({ itemId: 'once' }).finish());
  const client = await b.live('cara', { device: 'once', watches: [{ id: 1, method: 'fixture.v1.ScreenService/GetItem', request }] });
  await client.wait('snapshot');
  fixture.switches.onCompute = () => new Promise((later) => setTimeout(later, 500));
  try {
    for (let i = 1; i <= 2; i++) {
      const before = fixture.computed.items;
      await (i % 2 === 0 ? a : b).invalidate('item:once', 'user:cara');
      await client.wait('snapshot', 1 + i);
      assert.equal(fixture.computed.items - before, 1);
    }
  } finally {
    fixture.switches.onCompute = () => {};
    client.cut();
  }
});

test('a stream at one displaces that of the device at the other, and Disconnect reaches both', async () => {
  const { headers } = await signIn(a, liveRegistry, 'dora');
  const first = await a.live('dora', {}, { headers });
  await first.wait('welcome');
  const second = await b.live('dora', {}, { headers });
  assert.equal((await first.wait('closed')).reason, 'STREAM_DISPLACED');
  await callInternal(a, 'Disconnect', { userId: 'dora' });
  const closed = await second.wait('closed');
  assert.deepEqual([closed.reason, closed.advice], ['DISCONNECTED', 4]);
});

test('of streams of one device that begin at the same time at both replicas, one is left', async () => {
  const { headers } = await signIn(a, liveRegistry, 'ivy');
  for (let round = 0; round < 5; round++) {
    const clients = await Promise.all([a, b, a, b, b, a].map((server) => server.live('ivy', { device: 'race' }, { headers })));
    const closed = () => clients.flatMap((client) => client.all('closed').map(({ reason }) => reason));
    await until('the others are closed', () => closed().length === clients.length - 1);
    assert.deepEqual(new Set(closed()), new Set(['STREAM_DISPLACED']));
    const [left] = clients.filter((client) => client.all('closed').length === 0);
    left?.send({ case: 'heartbeat', value: { intervalMs: 60_000 } });
    await left?.wait('heartbeat');
    assert.equal(left?.ended(), undefined);
    left?.cut();
  }
});

test('who is on a topic, at both', async () => {
  const topic = 'hall:both';
  const subscriptions = [{ topic, presence: true }];
  const gil = await a.live('gil', { subscriptions });
  const hal = await b.live('hal', { subscriptions });
  const both = ['gil', 'hal'];
  for (const client of [gil, hal]) await until('both are present', () => presentAt(client.received, topic)?.users?.join() === both.join());
  hal.cut();
  await until('one has left', () => presentAt(gil.received, topic)?.users?.join() === 'gil');
});

test('Send reaches a stream of the other replica, once for each number', async () => {
  const { headers } = await signIn(a, liveRegistry, 'eve');
  const client = openByOpen({ registry: liveRegistry, transport: transportOf('connect h1', a), headers });
  await client.wait('welcome');
  const by = transportOf('connect h1', b);
  await client.sendN(1, { case: 'subscribe', value: { topic: 'news:sent' } }, by);
  await client.sendN(1, { case: 'subscribe', value: { topic: 'news:sent' } });
  await client.wait('subscribed');
  await b.publish({ topic: 'news:sent', text: 'one' });
  await until('it came', () => client.events().length === 1);
  assert.equal(client.all('subscribed').length, 1);
});

test('a replica is on the list of those that live until it is closed', async () => {
  const c = await openTestServer({ app: fixture.app, shared: a, samples: { scripted: scripted.address } });
  const { headers } = await signIn(c, liveRegistry, 'kim');
  const { streamId } = await openByOpen({ registry: liveRegistry, transport: transportOf('connect h1', c), headers }).wait('welcome');
  const [replica = ''] = streamId.split('.');
  const [key = ''] = presenceKeys(a.redis?.prefix ?? '', '~live.send').filter((each) => each.includes('}u:'));
  const isListed = async () => (await redis.command('HEXISTS', key, replica)) === 1;
  await until('it is there', isListed);
  await c.close();
  assert.equal(await isListed(), false);
});

test('Redis restarted meanwhile: nothing is missed silently', async () => {
  const client = await b.live('fay', { subscriptions: [{ topic: 'news:gap' }] });
  await client.wait('subscribed');
  await a.publish({ topic: 'news:gap', text: 'before' });
  await until('it came', () => client.events().length === 1);
  await redis.restart();
  await until(
    'publishing works again',
    () =>
      a.publish({ topic: 'news:gap', text: 'after', requestId: 'once' }).then(
        () => true,
        () => false,
      ),
    30_000,
  );
  await until(
    'it came, or its loss was announced',
    () => client.events().includes('after') || client.all('subscribed').some(({ recovered }, i) => i > 0 && !recovered),
    30_000,
  );
});
