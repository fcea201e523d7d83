// The stream for networks without bidi: Open by HTTP/1.1 and gRPC-Web, and Send, whose messages are handled once and in
// order.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ConnectError } from '@connectrpc/connect';
import { openByOpen } from '../support/client/live-client.ts';
import { callOf, reasonOf, signIn, transportOf } from '../support/client/protocols.ts';
import { openWire } from '../support/client/wire.ts';
import { type LiveServer, liveRegistry, openLiveServer } from '../support/server/live-server.ts';
import { until } from '../support/time/until.ts';

let server: LiveServer;
before(async () => {
  server = await openLiveServer();
});
after(() => server?.close());

const refused = (promise: Promise<void>) =>
  promise.then(
    () => 'none',
    (error: unknown) => reasonOf(ConnectError.from(error)),
  );

for (const protocol of ['connect h1', 'json h1', 'grpc-web h1', 'grpc-web h2', 'grpc h2'] as const)
  test(`${protocol}: subscribe, events, unsubscribe, goodbye`, async () => {
    const { headers } = await signIn(server, liveRegistry, 'alice');
    const client = openByOpen({
      registry: liveRegistry,
      transport: transportOf(protocol, server),
      headers,
      hello: { subscriptions: [{ topic: `news:${protocol.replace(' ', '-')}` }] },
    });
    await client.wait('subscribed');
    const topic = `news:sent-${protocol.replace(' ', '-')}`;
    const subscribe = { case: 'subscribe', value: { topic, generation: 1 } };
    await client.sendN(1, subscribe);
    await client.wait('subscribed', 2);
    await client.sendN(1, subscribe);
    await server.publish({ topic, text: 'one' });
    await until('it came', () => client.events().length === 1);
    assert.equal(client.all('subscribed').length, 2, 'a repeat is answered, and not handled again');
    assert.equal(await refused(client.sendN(3, subscribe)), 'REQUEST_INVALID');
    await client.sendN(2, { case: 'goodbye', value: {} });
    await until('the stream has ended', () => client.ended() !== undefined);
    assert.equal(await refused(client.sendN(3, subscribe)), 'STREAM_UNKNOWN');
  });

test('JSON of a newer client: a kind and a field of the future break nothing', async () => {
  const { headers } = await signIn(server, liveRegistry, 'alice');
  const client = openByOpen({ registry: liveRegistry, transport: transportOf('json h1', server), headers, hello: { device: 'newer' } });
  const { streamId } = await client.wait('welcome');
  await using wire = await openWire(server);
  for (const [n, message] of [
    ['1', { kindOfTheFuture: { a: [1] } }],
    ['2', { heartbeat: { intervalMs: 60_000, fieldOfTheFuture: {} } }],
  ] as const) {
    const body = JSON.stringify({ streamId, n, message, fieldOfTheFuture: 1 });
    const answer = await wire.ask({ ':path': '/portico.v1.LiveService/Send', 'content-type': 'application/json', ...headers }, body);
    assert.equal(answer.headers[':status'], 200, answer.body.toString());
  }
  assert.equal((await client.wait('heartbeat')).intervalMs, 60_000);
  client.cut();
});

test("another user's stream, and one that never was, are unknown", async () => {
  const { headers } = await signIn(server, liveRegistry, 'alice');
  const transport = transportOf('connect h1', server);
  const client = openByOpen({ registry: liveRegistry, transport, headers });
  await client.wait('welcome');
  const bob = (await signIn(server, liveRegistry, 'bob')).headers;
  const { streamId } = await client.wait('welcome');
  for (const id of [streamId, 'nonsense', `${'0'.repeat(12)}.1`]) {
    const outcome = await callOf(
      liveRegistry,
      transport,
      'portico.v1.LiveService/Send',
      { streamId: id, n: 1n, message: { message: { case: 'heartbeat', value: {} } } },
      { headers: bob },
    );
    assert.equal(outcome.reason, 'STREAM_UNKNOWN', id);
  }
});
