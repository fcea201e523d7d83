// Topics over the stream: what is published comes, once and in order, whatever happens to the client.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type LiveServer, openLiveServer } from '../support/server/live-server.ts';
import { until } from '../support/time/until.ts';

let server: LiveServer;
before(async () => {
  server = await openLiveServer();
});
after(() => server?.close());

const subscribe = (topic: string, more: Record<string, unknown> = {}) => ({ case: 'subscribe', value: { topic, generation: 1, ...more } });
let topics = 0;
const newTopic = (namespace = 'news') => `${namespace}:${++topics}`;

for (const protocol of ['grpc h2', 'connect h2', 'json h2'] as const)
  test(`${protocol}: hello, welcome, subscribed, events, goodbye`, async () => {
    const topic = newTopic();
    const client = await server.live('alice', { subscriptions: [{ topic, generation: 7 }] }, { protocol });
    const welcome = await client.wait('welcome');
    assert.equal(client.received[0]?.$case, 'welcome');
    assert.equal(welcome.heartbeatMs, 25_000);
    assert.ok((welcome.endsAt?.getTime() ?? 0) > Date.now());
    const { generation, recovered, position } = await client.wait('subscribed');
    assert.deepEqual([generation, recovered, position?.offset], [7, false, 0n]);
    await server.publish({ topic, text: 'one' }, { topic, text: 'two' });
    await until('both are there', () => client.events().length === 2);
    assert.deepEqual(client.events(), ['one', 'two']);
    const [first] = client.all('events')[0]?.events ?? [];
    assert.equal(first?.offset, 1n);
    assert.ok(first?.id && Math.abs((first.publishedAt?.getTime() ?? 0) - Date.now()) < 60_000);
    client.send({ case: 'goodbye', value: {} });
    await until('the stream has ended', () => client.ended() !== undefined);
    assert.equal(client.ended()?.error, undefined);
  });

test('a client that returns gets what it missed, once, and then what is new', async () => {
  const topic = newTopic();
  const client = await server.live('alice', { subscriptions: [{ topic }] });
  const { position } = await client.wait('subscribed');
  await server.publish({ topic, text: '1' });
  await until('it came', () => client.events().length === 1);
  const last = client.all('events')[0]?.events[0];
  client.cut();
  await server.publish(...Array.from({ length: 100 }, (_, i) => ({ topic, text: String(i + 2) })));
  await server.publish(...Array.from({ length: 100 }, (_, i) => ({ topic, text: String(i + 102) })));
  const hello = { subscriptions: [{ topic, position: { epoch: position?.epoch, offset: last?.offset, eventId: last?.id } }] };
  const again = await server.live('alice', hello);
  assert.equal((await again.wait('subscribed')).recovered, true);
  await server.publish({ topic, text: '202' });
  await until('all are there', () => again.events().length >= 201);
  assert.deepEqual(
    again.events(),
    Array.from({ length: 201 }, (_, i) => String(i + 2)),
  );
});

test('a position that is not of this log is not recovered, and what follows comes', async () => {
  const topic = newTopic();
  await server.publish({ topic, text: '1' }, { topic, text: '2' });
  const seen = await server.live('alice', { subscriptions: [{ topic }] });
  const { epoch = '' } = (await seen.wait('subscribed')).position ?? {};
  const forged = [
    { epoch: 'other', offset: 1n, eventId: 'x' },
    { epoch, offset: 1n, eventId: 'not this one' },
    { epoch, offset: 99n, eventId: 'x' },
    { epoch, offset: 18_446_744_073_709_551_615n, eventId: 'x' },
    { epoch, offset: 1n, eventId: 'x'.repeat(200) },
    { epoch, offset: 2n, eventId: '🙂'.repeat(200) },
    { epoch: '🙂'.repeat(64), offset: 2n, eventId: '' },
  ];
  for (const position of forged) {
    const client = await server.live('alice', { device: 'a', subscriptions: [{ topic, position }] });
    const subscribed = await client.wait('subscribed');
    assert.deepEqual([subscribed.recovered, subscribed.position?.offset], [false, 2n]);
    client.cut();
  }
});

test('a topic, or a watch, that hello names twice is that of the later one', async () => {
  const topic = newTopic();
  const watch = { id: 1, method: 'fixture.v1.ScreenService/ListItems' };
  const client = await server.live('alice', {
    subscriptions: [1, 3, 2].map((generation) => ({ topic, generation })),
    watches: [1, 3, 2].map((generation) => ({ ...watch, generation })),
  });
  await client.wait('snapshot');
  await client.wait('subscribed');
  await server.publish({ topic, text: 'one' });
  await until('it came', () => client.events().length > 0);
  client.send({ case: 'publish', value: { topic: 'room:twice', requestId: 'twice', payload: Buffer.from('') } });
  await client.wait('published');
  const generations = (kind: 'subscribed' | 'watching') => client.all(kind).map(({ generation }) => generation);
  assert.deepEqual([generations('subscribed'), generations('watching'), client.events(), client.all('snapshot').length], [[2], [2], ['one'], 1]);
});

test('without conflation a key replaces nothing: who returns gets every event', async () => {
  const topic = newTopic();
  const first = await server.live('alice', { device: 'keys', subscriptions: [{ topic }] });
  const { position } = await first.wait('subscribed');
  await server.publish({ topic, text: '1', key: 'k' }, { topic, text: '2', key: 'k' }, { topic, text: '3', key: 'k' });
  await until('all are there', () => first.events().length === 3);
  const again = await server.live('alice', { device: 'returns', subscriptions: [{ topic, position }] });
  assert.equal((await again.wait('subscribed')).recovered, true);
  await until('the last is there', () => again.events().at(-1) === '3');
  assert.deepEqual(again.events(), ['1', '2', '3']);
});

test('a call of which one event is refused publishes none of the others', async () => {
  const [one, other] = [newTopic(), newTopic('room')];
  await assert.rejects(
    server.publish({ topic: one, text: 'a' }, { topic: other, text: 'b', requestId: 'r' }, { topic: other, text: 'c', requestId: 'r' }),
    /REQUEST_INVALID/,
  );
  assert.deepEqual(await server.publish({ topic: one, text: 'd', requestId: 'r' }, { topic: other, text: 'e', requestId: 'r' }), [1, 1]);
});

test('publishing while clients subscribe leaves no seam', async () => {
  const topic = newTopic();
  const first = await server.live('alice', { subscriptions: [{ topic }] });
  const { position } = await first.wait('subscribed');
  const publishing = (async () => {
    for (let i = 0; i < 40; i++) await server.publish(...Array.from({ length: 10 }, (_, j) => ({ topic, text: String(i * 10 + j) })));
  })();
  const clients = [];
  for (let i = 0; i < 8; i++) {
    clients.push(await server.live('alice', { device: `seam ${i}`, subscriptions: [{ topic, position }] }));
  }
  await publishing;
  const expected = Array.from({ length: 400 }, (_, i) => String(i));
  for (const client of [first, ...clients]) {
    await until('all are there', () => client.events().length >= 400);
    assert.deepEqual(client.events(), expected);
    client.cut();
  }
});

test('only whom a rule allows may listen, and only where the namespace allows it may publish', async () => {
  const client = await server.live('alice');
  for (const [topic, reason] of [
    ['none:1', 'TOPIC_UNKNOWN'],
    ['news', 'TOPIC_UNKNOWN'],
    ['news:', 'TOPIC_UNKNOWN'],
    ['user:bob', 'TOPIC_FORBIDDEN'],
    ['__proto__:a', 'TOPIC_UNKNOWN'],
  ] as const) {
    const before = client.all('subscriptionClosed').length;
    client.send(subscribe(topic, { generation: 3 }));
    const closed = await client.wait('subscriptionClosed', before + 1);
    assert.deepEqual([closed.topic, closed.generation, closed.reason, closed.advice], [topic, 3, reason, 4]);
  }
  client.send(subscribe('user:alice'));
  await client.wait('subscribed');
  const publish = (topic: string, requestId: string) =>
    client.send({ case: 'publish', value: { topic, requestId, payload: Buffer.from(`by ${requestId}`) } });
  publish('news:1', 'a');
  publish('room:1', 'b');
  publish('room:1', 'b');
  await client.wait('published', 3);
  assert.deepEqual(
    client.all('published').map(({ requestId, reason, position }) => [requestId, reason, position?.offset]),
    [
      ['a', 'TOPIC_FORBIDDEN', undefined],
      ['b', '', 1n],
      ['b', '', 1n],
    ],
  );
});

test('a repeat of a request id publishes nothing twice', async () => {
  const topic = newTopic();
  assert.deepEqual(await server.publish({ topic, text: 'a', requestId: 'r1' }, { topic, text: 'b', requestId: 'r2' }), [1, 2]);
  assert.deepEqual(await server.publish({ topic, text: 'a', requestId: 'r1' }, { topic, text: 'b', requestId: 'r2' }), [1, 2]);
  await assert.rejects(server.publish({ topic: 'none:1', text: 'a' }), /TOPIC_UNKNOWN/);
});

test('a method decides who may listen: refused for what it does not answer, and ended when that changes', async () => {
  const client = await server.live('alice', { subscriptions: [{ topic: 'item:i1' }] });
  await client.wait('subscribed');
  await server.publish({ topic: 'item:i1', text: 'hello' });
  await until('it came', () => client.events().length === 1);
  server.fixture.switches.titleFailCode = 7; // PERMISSION_DENIED
  try {
    await server.invalidate('item:i1');
    const closed = await client.wait('subscriptionClosed');
    assert.deepEqual([closed.topic, closed.reason], ['item:i1', 'TOPIC_FORBIDDEN']);
    await server.publish({ topic: 'item:i1', text: 'secret' });
    client.send(subscribe('item:i2'));
    assert.equal((await client.wait('subscriptionClosed', 2)).reason, 'TOPIC_FORBIDDEN');
    assert.deepEqual(client.events(), ['hello']);
  } finally {
    server.fixture.switches.titleFailCode = 0;
  }
});

test('where a method decides, only who listens publishes', async () => {
  const client = await server.live('alice', { device: 'publishes' });
  await client.wait('welcome');
  const publish = async (count: number) => {
    client.send({ case: 'publish', value: { topic: 'talk:i1', requestId: String(count), payload: Buffer.from('') } });
    return (await client.wait('published', count)).reason;
  };
  assert.equal(await publish(1), 'TOPIC_FORBIDDEN');
  client.send(subscribe('talk:i1'));
  await client.wait('subscribed');
  assert.equal(await publish(2), '');
  client.send({ case: 'unsubscribe', value: { topic: 'talk:i1', generation: 1 } });
  assert.equal(await publish(3), 'TOPIC_FORBIDDEN');
});

test('a late unsubscribe of an older generation does not end the newer subscription', async () => {
  const topic = newTopic();
  const client = await server.live('alice');
  client.send(subscribe(topic, { generation: 1 }));
  client.send(subscribe(topic, { generation: 2 }));
  client.send({ case: 'unsubscribe', value: { topic, generation: 1 } });
  await until('the newer one is there', () => client.all('subscribed').some(({ generation }) => generation === 2));
  await server.publish({ topic, text: 'one' });
  await until('it came', () => client.events().length === 1);
  client.send({ case: 'unsubscribe', value: { topic, generation: 2 } });
  client.send({ case: 'publish', value: { topic: 'room:sync', requestId: 'sync', payload: Buffer.from('') } });
  await client.wait('published');
  await server.publish({ topic, text: 'two' });
  assert.deepEqual(client.events(), ['one']);
});
