// Streams that a team writes as nice-grpc handlers: each kind, in every protocol that carries it, with upstreams bound
// to the call.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Fault } from '../../src/core/kit/fault.ts';
import type { Clients, Screen } from '../../src/core/screen/define-app.ts';
import { type StreamContext, stream } from '../../src/core/screen/hand-written-stream.ts';
import { type Fixture, openFixture } from '../fixture/app.ts';
import { HandWrittenServiceDefinition, type ScriptedServiceDefinition } from '../fixture/gen/fixture/v1/fixture.ts';
import { openScriptedUpstream, type ScriptedUpstream } from '../fixture/scripted-upstream.ts';
import { callOf, keptTransports, type Options, type ProtocolName, protocols, registryOf, signIn } from '../support/client/protocols.ts';
import { fixtureRelease, openTestServer, type TestServer } from '../support/server/test-server.ts';
import { until } from '../support/time/until.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
const transports = keptTransports();
type Upstreams = Clients<{ readonly scripted: typeof ScriptedServiceDefinition }>;
let fixture: Fixture;
let upstream: ScriptedUpstream;
let server: TestServer;
let headers: { readonly authorization: string };
before(async () => {
  fixture = openFixture();
  upstream = await openScriptedUpstream();
  server = await openTestServer({ app: fixture.app, samples: { scripted: upstream.address } });
  ({ headers } = await signIn(server, registry, 'alice'));
});
after(async () => {
  await server?.close();
  upstream?.close();
});

const call = (protocol: ProtocolName, method: string, requests: Parameters<typeof callOf>[3], options: Options = {}) =>
  callOf(registry, transports(protocol, server), `fixture.v1.HandWrittenService/${method}`, requests, { ...options, headers });
const textsOf = ({ messages }: { readonly messages: readonly Record<string, unknown>[] }) => messages.map(({ text }) => text);
const requestStreams = protocols.filter((protocol) => protocol.endsWith('h2') || protocol.startsWith('connect') || protocol.startsWith('json'));
const bothWays = protocols.filter((protocol) => ['grpc h2', 'connect h2', 'json h2'].includes(protocol));

for (const protocol of protocols)
  test(`${protocol}: what is yielded is sent, and what is sent upstream carries trace and identity`, async () => {
    const { messages, code, headers: received } = await call(protocol, 'Follow', { text: 'a', count: 3 });
    assert.equal(code, 0);
    assert.deepEqual(
      messages.map(({ text, index }) => [text, index]),
      [
        ['A', 0],
        ['A', 1],
        ['A', 2],
      ],
    );
    const metadata = upstream.lastMetadata();
    assert.ok(String(metadata?.get('traceparent')).includes(received.get('portico-trace-id') ?? 'none'));
    assert.match(String(metadata?.get('authorization')), /^Bearer /);
  });

for (const protocol of requestStreams)
  test(`${protocol}: requests are iterated, and one message answers them`, async () => {
    const { messages, code, message } = await call(protocol, 'Collect', [{ text: 'a' }, { text: 'b' }, { text: 'c' }]);
    assert.deepEqual([code, textsOf({ messages })], [0, ['a b c']], message);
  });

for (const protocol of bothWays)
  test(`${protocol}: both ways at once, equal calls to an upstream made each time`, async () => {
    const before = upstream.calls();
    const outcome = await call(protocol, 'Converse', [{ text: 'a' }, { text: 'b' }, { text: 'a' }]);
    assert.deepEqual([outcome.code, textsOf(outcome)], [0, ['alice: a', 'alice: b', 'alice: a']]);
    assert.equal(upstream.calls() - before, 3);
  });

test('a failure of the upstream is a failure of the stream, after the messages before it', async () => {
  const outcome = await call('grpc h2', 'Follow', { text: 'a', count: 3, failCode: 14, failAfter: 2 });
  assert.deepEqual([textsOf(outcome), outcome.reason], [['A', 'A'], 'UPSTREAM_DOWN']);
});

test('a client that leaves ends the function and its streams at upstreams', async () => {
  const { closed } = fixture.streams;
  const leaving = new AbortController();
  await call('grpc h2', 'Follow', { text: 'a', count: 2, delayMs: 50_000 }, { signal: AbortSignal.any([leaving.signal, AbortSignal.timeout(300)]) });
  await until('the upstream has ended', () => upstream.running() === 0);
  await until('the function has ended', () => fixture.streams.closed === closed + 1);
});

test("the client's deadline ends it, too", async () => {
  const outcome = await call('grpc h2', 'Follow', { text: 'a', count: 2, delayMs: 50_000 }, { timeoutMs: 300 });
  assert.equal(outcome.code, 4);
  await until('the upstream has ended', () => upstream.running() === 0);
});

test('a stream without a token is refused before its function runs', async () => {
  const before = upstream.calls();
  const outcome = await callOf(registry, transports('connect h2', server), 'fixture.v1.HandWrittenService/Follow', { text: 'a', count: 1 });
  assert.deepEqual([outcome.reason, upstream.calls()], ['TOKEN_MISSING', before]);
});

test('an error of what a stream sends upstream is its own, and no failure of the upstream', async () => {
  const { app } = openFixture();
  let failure: unknown;
  const sends = stream(HandWrittenServiceDefinition, 'collect', async (_requests, _context: StreamContext, { scripted }: Upstreams) =>
    scripted.clientStream(
      (async function* () {
        yield { text: 'a' };
        throw failure;
      })(),
    ),
  );
  const screens = [...app.screens.filter(({ method }) => !method.endsWith('/Collect')), sends as Screen<never>];
  const own = await openTestServer({ app: { ...app, screens }, samples: { scripted: upstream.address } });
  try {
    const { headers } = await signIn(own, registry, 'alice');
    const collect = () => callOf(registry, transports('grpc h2', own), 'fixture.v1.HandWrittenService/Collect', [{ text: 'a' }], { headers });
    failure = new Fault('STREAMS_TOO_MANY', 'Of its own.');
    assert.equal((await collect()).reason, 'STREAMS_TOO_MANY');
    for (failure of [new TypeError('Of its own.'), undefined]) assert.equal((await collect()).reason, 'INTERNAL');
  } finally {
    await own.close();
  }
});
