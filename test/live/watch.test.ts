// Watches: a snapshot, then a new one whenever the answer has changed, computed once for all who watch it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { create, type DescMessage, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { LiveClient } from '../support/client/live-client.ts';
import { callOf, signIn, transportOf } from '../support/client/protocols.ts';
import { type LiveServer, liveRegistry, openLiveServer } from '../support/server/live-server.ts';
import { until } from '../support/time/until.ts';

let server: LiveServer;
before(async () => {
  server = await openLiveServer();
});
after(() => server?.close());

const screens = 'fixture.v1.ScreenService';
const schema = (name: string) => liveRegistry.getMessage(`fixture.v1.${name}`) as DescMessage;
const item = (itemId: string) => Buffer.from(toBinary(schema('GetItemRequest'), create(schema('GetItemRequest'), { itemId })));
const watchItem = (id: number, itemId: string, more: Record<string, unknown> = {}) => ({
  id,
  generation: 1,
  method: `${screens}/GetItem`,
  request: item(itemId),
  ...more,
});
const titles = (client: LiveClient) =>
  client.all('snapshot').map(({ payload }) => (fromBinary(schema('GetItemResponse'), payload) as unknown as { title: string }).title);
let items = 0;
const newItem = () => `watched-${++items}`;

test('a snapshot at once, and another when a tag is invalidated and the answer has changed', async () => {
  const itemId = newItem();
  const client = await server.live('alice', { watches: [watchItem(1, itemId)] });
  const { key, current } = await client.wait('watching');
  assert.equal(current, false);
  const first = await client.wait('snapshot');
  assert.equal(first.key, key);
  assert.deepEqual([first.partial, first.stale], [false, false]);
  server.fixture.titles.set(itemId, 'second');
  await server.invalidate(`item:${itemId}`);
  assert.notEqual((await client.wait('snapshot', 2)).etag, first.etag);
  assert.deepEqual(titles(client), [`title of ${itemId}`, 'second']);
});

test('an etag that is current gets no snapshot, an old one gets the newest', async () => {
  const itemId = newItem();
  const first = await server.live('alice', { watches: [watchItem(1, itemId)] });
  const { etag } = await first.wait('snapshot');
  const again = await server.live('alice', { device: 'b', watches: [watchItem(1, itemId, { etag })] });
  assert.equal((await again.wait('watching')).current, true);
  server.fixture.titles.set(itemId, 'second');
  await server.invalidate(`item:${itemId}`);
  await again.wait('snapshot');
  assert.deepEqual(titles(again), ['second']);
  const old = await server.live('alice', { device: 'c', watches: [watchItem(1, itemId, { etag })] });
  await old.wait('snapshot');
  assert.deepEqual(titles(old), ['second']);
});

test('the writes of a policy, and those of another user, reach a watch', async () => {
  const itemId = newItem();
  const client = await server.live('alice', { watches: [watchItem(1, itemId)] });
  await client.wait('snapshot');
  const { headers } = await signIn(server, liveRegistry, 'bob');
  await callOf(liveRegistry, transportOf('grpc h2', server), `${screens}/ChangeItem`, { itemId, title: 'by bob' }, { headers });
  await client.wait('snapshot', 2);
  assert.deepEqual(titles(client), [`title of ${itemId}`, 'by bob']);
});

test('a screen publishes and invalidates by its context', async () => {
  const itemId = newItem();
  const topic = `news:${itemId}`;
  const client = await server.live('alice', { subscriptions: [{ topic }], watches: [watchItem(1, itemId)] });
  await client.wait('subscribed');
  await client.wait('snapshot');
  server.fixture.switches.onChange = async ({ title, publish, invalidate }) => {
    server.fixture.titles.set(itemId, `beside ${title}`);
    await invalidate([`item:${itemId}`]);
    await publish([{ topic, payload: Buffer.from(title), requestId: 'by a screen' }]);
  };
  const { headers } = await signIn(server, liveRegistry, 'bob');
  await callOf(liveRegistry, transportOf('grpc h2', server), `${screens}/ChangeItem`, { itemId: 'other', title: 'new' }, { headers });
  server.fixture.switches.onChange = () => {};
  await client.wait('snapshot', 2);
  await until('the event came', () => client.events().length === 1);
  assert.deepEqual([titles(client).at(-1), client.events()], ['beside new', ['new']]);
});

test('a SHARED answer with many watchers is computed once for a change', async () => {
  const clients = [];
  for (let i = 0; i < 20; i++) {
    const watches = [{ id: 1, generation: 1, method: `${screens}/ListItems`, request: Buffer.from('') }];
    clients.push(await server.live('alice', { device: `shared ${i}`, watches }));
  }
  for (const client of clients) await client.wait('snapshot');
  const before = server.fixture.computed.lists;
  server.fixture.titles.set('zz-shared', 'new');
  await server.invalidate('items');
  for (const client of clients) await client.wait('snapshot', 2);
  assert.equal(server.fixture.computed.lists - before, 1);
  const [first, ...others] = clients.map((client) => client.all('snapshot')[1]);
  for (const other of others) assert.deepEqual(other, first);
  for (const client of clients) client.cut();
});

test('a change that comes while the answer is computed is not missed', async () => {
  const itemId = newItem();
  const { switches, titles: truth } = server.fixture;
  truth.set(itemId, 'old');
  switches.onCompute = async (computed) => {
    if (computed !== itemId) return;
    switches.onCompute = () => {};
    await server.invalidate(`item:${itemId}`); // read before: what was computed is old
    truth.set(itemId, 'new');
    await server.invalidate(`item:${itemId}`);
  };
  const client = await server.live('alice', { watches: [watchItem(1, itemId)] });
  await until('the new one is there', () => titles(client).at(-1) === 'new');
});

test('a change that comes while the answer is computed anew is not missed, nor is any later one', async () => {
  const itemId = newItem();
  const { switches, titles: truth } = server.fixture;
  truth.set(itemId, '1');
  const client = await server.live('alice', { watches: [watchItem(1, itemId)] });
  await client.wait('snapshot');
  for (const value of ['2', '3']) {
    switches.onCompute = async (computed) => {
      if (computed !== itemId) return;
      switches.onCompute = () => {};
      await server.invalidate(`item:${itemId}`);
      truth.set(itemId, `${value} and more`);
      await server.invalidate(`item:${itemId}`);
    };
    truth.set(itemId, value);
    await server.invalidate(`item:${itemId}`);
    await until('the newest is there', () => titles(client).at(-1) === `${value} and more`);
  }
  truth.set(itemId, 'last');
  await server.invalidate(`item:${itemId}`);
  await until('so is the last', () => titles(client).at(-1) === 'last');
});

test('what may not be watched is closed with its reason, and the stream goes on', async () => {
  const itemId = newItem();
  const { headers } = await signIn(server, liveRegistry, 'alice', ['other.scope']);
  const client = await server.live('alice', {}, { headers });
  for (const [wish, reason] of [
    [watchItem(1, itemId), 'SCOPE_MISSING'],
    [{ ...watchItem(2, itemId), method: `${screens}/ChangeItem` }, 'METHOD_NOT_WATCHABLE'],
    [{ ...watchItem(3, itemId), method: 'none.v1.Service/Method' }, 'METHOD_NOT_WATCHABLE'],
    [{ ...watchItem(3, itemId), method: `${screens}/StreamItem` }, 'METHOD_NOT_WATCHABLE'],
    [{ ...watchItem(3, itemId), method: `/${screens}/GetItem` }, 'METHOD_NOT_WATCHABLE'],
    [{ ...watchItem(3, itemId), method: '__proto__' }, 'METHOD_NOT_WATCHABLE'],
    [{ ...watchItem(3, itemId), method: 'portico.internal.v1.PublisherService/Publish' }, 'METHOD_NOT_WATCHABLE'],
    [{ id: 3, generation: 1, method: `${screens}/ListItems`, request: Buffer.from([0xff]) }, 'CALL_MALFORMED'],
    [{ id: 3, generation: 1, method: `${screens}/ListItems`, request: Buffer.from([0xf8, 0x07, 1]) }, 'METHOD_NOT_WATCHABLE'],
  ] as const) {
    const before = client.all('watchClosed').length;
    client.send({ case: 'watch', value: wish });
    const closed = await client.wait('watchClosed', before + 1);
    assert.deepEqual([closed.id, closed.generation, closed.reason], [wish.id, 1, reason]);
  }
  client.send({ case: 'watch', value: { id: 4, generation: 1, method: `${screens}/ListItems`, request: Buffer.from('') } });
  await client.wait('snapshot');
  const wrong = await server.live('alice', { device: 'd', watches: [watchItem(1, '')] });
  assert.equal((await wrong.wait('watchClosed')).reason, 'REQUEST_INVALID');
});

test('losing the permission ends the watch with its reason', async () => {
  const itemId = newItem();
  const client = await server.live('alice', { watches: [watchItem(1, itemId)] });
  await client.wait('snapshot');
  server.fixture.switches.titleFailCode = 7;
  try {
    await server.invalidate(`item:${itemId}`);
    assert.equal((await client.wait('watchClosed')).reason, 'UPSTREAM_REFUSED');
  } finally {
    server.fixture.switches.titleFailCode = 0;
  }
});

test('a partial answer is sent first, never replaces a whole one, and is asked for again', async () => {
  const itemId = newItem();
  const { switches } = server.fixture;
  switches.noteFailCode = 14;
  try {
    const client = await server.live('alice', { watches: [watchItem(1, itemId)] });
    const first = await client.wait('snapshot');
    assert.deepEqual([first.partial, first.etag], [true, '']);
    switches.noteFailCode = 0;
    const whole = await client.wait('snapshot', 2);
    assert.equal(whole.partial, false);
    switches.noteFailCode = 14;
    await server.invalidate(`item:${itemId}`);
    const before = server.fixture.computed.items;
    await until('it was computed again', () => server.fixture.computed.items > before);
    server.fixture.titles.set(itemId, 'whole again');
    switches.noteFailCode = 0;
    await until('a whole one came', () => titles(client).at(-1) === 'whole again');
    assert.deepEqual(
      client.all('snapshot').map(({ partial }) => partial),
      [true, false, false],
    );
  } finally {
    switches.noteFailCode = 0;
  }
});

test('unwatch ends it; an older generation does not', async () => {
  const itemId = newItem();
  const client = await server.live('alice', { watches: [watchItem(1, itemId, { generation: 2 })] });
  await client.wait('snapshot');
  client.send({ case: 'unwatch', value: { id: 1, generation: 1 } });
  server.fixture.titles.set(itemId, 'second');
  await server.invalidate(`item:${itemId}`);
  await client.wait('snapshot', 2);
  client.send({ case: 'unwatch', value: { id: 1, generation: 2 } });
  client.send({ case: 'publish', value: { topic: 'room:w', requestId: 'w', payload: Buffer.from('') } });
  await client.wait('published');
  server.fixture.titles.set(itemId, 'third');
  await server.invalidate(`item:${itemId}`);
  const other = await server.live('alice', { device: 'e', watches: [watchItem(1, itemId)] });
  await other.wait('snapshot');
  assert.deepEqual([titles(client).at(-1), titles(other)], ['second', ['third']]);
});
