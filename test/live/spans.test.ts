// Short spans of long streams: one for each subscription, send and delivered batch, linked to the spans of the streams.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { shortSpans } from '../../src/core/adapters/telemetry/messaging-spans.ts';
import { sampler } from '../../src/core/adapters/telemetry/sampling.ts';
import { ownPrefix, sharedRedis } from '../support/redis/redis.ts';
import { chatCalls } from '../support/server/chat-server.ts';
import { type LiveServer, openLiveServer } from '../support/server/live-server.ts';
import { fakeClock } from '../support/time/clock.ts';
import { until } from '../support/time/until.ts';
import { type Collector, openCollector, type SeenSpan } from '../support/upstream/collector.ts';

const variables = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_BSP_SCHEDULE_DELAY'];
let collector: Collector;
let servers: readonly [LiveServer, LiveServer];
before(async () => {
  collector = await openCollector();
  Object.assign(process.env, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '50' }); // read by the exporters
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
  const redis = { ...(await sharedRedis()), prefix: ownPrefix() };
  const one = await openLiveServer({ env, redis, settings: { 'telemetry.sampleRatio': 1 } });
  servers = [one, await openLiveServer({ env, shared: one, settings: { 'telemetry.sampleRatio': 1 } })];
});
after(async () => {
  await servers?.[1].close();
  await servers?.[0].close();
  await collector?.close();
  for (const name of variables) delete process.env[name];
});

const named = (name: string) => collector.spans().filter((span) => span.name === name);
const isLinked = (span: SeenSpan | undefined, to: SeenSpan | undefined) =>
  to !== undefined && span?.links.some(({ traceId, spanId }) => traceId === to.traceId && spanId === to.spanId);

for (const protocol of ['grpc h2', 'connect h2'] as const)
  test(`a subscription, a send and an event have spans that lead to their streams: ${protocol}`, async () => {
    const before = collector.spans().length;
    const since = (name: string) =>
      collector
        .spans()
        .slice(before)
        .filter((span) => span.name === name);
    const [one, other] = servers;
    const room = `room:${protocol.split(' ')[0]}`;
    const clients = await Promise.all([
      one.live('alice', { device: `${protocol} 1`, subscriptions: [{ topic: room }] }, { protocol }),
      one.live('alice', { device: `${protocol} 2`, subscriptions: [{ topic: room }] }, { protocol }),
      other.live('bob', { device: protocol, subscriptions: [{ topic: room }, { topic: 'nowhere:1' }] }, { protocol }),
    ]);
    for (const client of clients) await client.wait('subscribed');
    clients[0]?.send({ case: 'publish', value: { topic: room, requestId: 'r', payload: Buffer.from('x') } });
    await Promise.all(clients.map((client) => client.wait('events')));
    await one.publish({ topic: room, text: 'y' });
    await Promise.all(clients.map((client) => client.wait('events', 2)));
    for (const client of clients) client.cut();
    await until('all spans came', () => since('portico.v1.LiveService/Connect').length === 3 && since('deliver topic').length === 4);

    const streams = since('portico.v1.LiveService/Connect');
    const subscribed = since('subscribe topic');
    assert.equal(subscribed.length, 4);
    for (const span of subscribed) assert.equal(streams.filter((stream) => isLinked(span, stream)).length, 1, 'linked to its own stream');
    assert.deepEqual(subscribed.map(({ attributes }) => attributes['messaging.destination.template'] ?? attributes['portico.reason']).sort(), [
      'TOPIC_UNKNOWN',
      'room:{name}',
      'room:{name}',
      'room:{name}',
    ]);
    const [sent, ...more] = since('send topic');
    assert.deepEqual([sent?.kind, sent?.attributes['messaging.destination.template'], more], [4, 'room:{name}', []]);
    assert.ok(streams.some((stream) => isLinked(sent, stream)));
    const [call] = since('portico.internal.v1.PublisherService/Publish');
    for (const origin of [sent, call]) {
      const delivered = since('deliver topic').filter((span) => isLinked(span, origin));
      assert.deepEqual(
        delivered.map(({ kind, attributes, links }) => [kind, attributes['portico.followers'], links.length]).sort(),
        [
          [5, 1, 2],
          [5, 2, 3],
        ],
        'one at each replica, with the publisher and the streams',
      );
    }
  });

test('a message has spans from its sender to the streams of all members, at both replicas', async () => {
  const [one, other] = servers;
  const [here, there] = [chatCalls(one), chatCalls(other)];
  const conversationId = await here.group('ann', 'ben');
  const ann = await here.connect('ann');
  const ben = await there.connect('ben', {}, { by: 'connect h2' });
  for (const client of [ann, ben]) await client.wait('conversation');
  ann.send({
    case: 'post',
    value: { conversationId, entry: { clientId: 'my-client-id', what: { case: 'message', value: { content: { text: 'hello' } } } } },
  });
  await until('it was sent and delivered', () => named('send conversation').length === 1 && named('deliver conversation').length === 2);
  await until('both have caught up', () => named('subscribe conversations').length === 2);
  for (const { kind, attributes } of named('subscribe conversations'))
    assert.deepEqual([kind, attributes['portico.conversations'], attributes['portico.reason']], [1, 1, undefined]);
  const [sent] = named('send conversation');
  assert.equal(sent?.attributes['messaging.destination.template'], 'conversation:{id}');
  for (const span of named('deliver conversation')) assert.ok(isLinked(span, sent));
  const streams = named('subscribe conversations').flatMap(({ links }) => links.map(({ spanId }) => spanId));
  assert.equal(new Set(streams).size, 2, 'each is linked to its own stream');
  for (const { links } of named('deliver conversation'))
    assert.ok(
      links.some(({ spanId }) => streams.includes(spanId)),
      'as are the deliveries',
    );
  for (const client of [ann, ben]) client.cut();
  const text = Buffer.concat(collector.traces()).toString('latin1');
  for (const secret of [conversationId, 'hello', 'my-client-id', 'alice']) assert.ok(!text.includes(secret), `no span has ${secret}`);
});

test('a hundred clients of an event are one span at their replica, and the links are bounded', async () => {
  const [one] = servers;
  const { headersOf } = chatCalls(one);
  const headers = await headersOf('carol');
  const topic = 'news:many';
  const clients = await Promise.all(
    Array.from({ length: 100 }, (_, i) => one.live('carol', { device: String(i), subscriptions: [{ topic }] }, { headers })),
  );
  for (const client of clients) await client.wait('subscribed');
  const before = named('deliver topic').length;
  await until('there is room in this second', async () => {
    await one.publish({ topic, text: 'x' });
    return named('deliver topic').length > before;
  });
  const span = named('deliver topic').at(-1);
  assert.deepEqual([span?.attributes['portico.followers'], span?.links.length], [100, 17]);
  for (const client of clients) client.cut();
});

test('what is not recorded makes nothing: no id, no time, no object', () => {
  const clock = fakeClock();
  const used: string[] = [];
  const ratio = { current: 0 };
  const spans = shortSpans({
    tracer: { startSpan: () => assert.fail('a span') } as never,
    ids: {} as never,
    sampler: sampler(ratio, clock),
    clock: { ...clock, nowMs: () => used.push('time'), monotonicMs: () => used.push('time') },
    randomHex: (digits) => {
      used.push('id');
      return '1'.repeat(digits);
    },
  });
  const stream = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };
  for (let i = 0; i < 1_000; i++) assert.equal(spans.begin('send topic', stream), undefined);
  assert.deepEqual(used, []);
  ratio.current = 0.25;
  const begun = Array.from({ length: 40 }, () => spans.begin('send topic', stream) !== undefined);
  assert.equal(begun.filter(Boolean).length, 10, 'every fourth');
  ratio.current = 1;
  assert.equal(Array.from({ length: 200 }, () => spans.begin('send topic', stream)).filter(Boolean).length, 90, 'a hundred in a second, with calls');
});
