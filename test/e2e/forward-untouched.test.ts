// What an upstream says gets to the client as it was said, and what a client says gets there: bytes, metadata, statuses.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Any } from '../../src/gen/google/protobuf/any.ts';
import { Status } from '../../src/gen/google/rpc/status.ts';
import { openFixture } from '../fixture/app.ts';
import { callOf, protocols, registryOf, signIn, transportOf } from '../support/client/protocols.ts';
import { openRawClient, type RawClient } from '../support/client/raw-client.ts';
import { fixtureRelease, openTestServer, type TestServer } from '../support/server/test-server.ts';
import { framed, grpcHeaders, messagesOf, openRawUpstream, type RawUpstream, reply, trailersOnly } from '../support/upstream/raw-upstream.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
const kinds = ['Unary', 'ServerStream', 'ClientStream', 'BidiStream'] as const;
const pathOf = (kind: string) => `/fixture.v1.ForwardService/${kind}`;
/** A ScriptedRequest or ScriptedResponse with the text "a" and a field 99 that nobody knows. */
const message = Buffer.from([0x0a, 0x01, 0x61, 0x9a, 0x06, 0x03, 0x01, 0x02, 0xff]);
/** Details that are no type of ours, in an order of their own. */
const details = Status.encode({
  code: 9,
  message: 'not now',
  details: [
    Any.create({ typeUrl: 'type.example.com/acme.v1.Odd', value: Buffer.from([1, 2, 3]) }),
    Any.create({ typeUrl: 'x/google.rpc.ErrorInfo', value: Buffer.from([10, 1, 65]) }),
  ],
}).finish();
const detailsText = Buffer.from(details).toString('base64');

let server: TestServer;
let upstream: RawUpstream;
let client: RawClient;
let headers: { readonly authorization: string };
before(async () => {
  upstream = await openRawUpstream();
  server = await openTestServer({ app: openFixture().app, samples: { scripted: upstream.address } });
  ({ headers } = await signIn(server, registry, 'alice'));
  client = openRawClient(server, headers.authorization);
});
after(async () => {
  client?.close();
  await server?.close();
  await upstream?.close();
});

for (const kind of kinds) {
  test(`${kind}: requests and answers pass byte for byte, fields that nobody knows too`, async () => {
    let sent: readonly Buffer[] = [];
    upstream.answer = async (call) => {
      sent = await messagesOf(call);
      reply(call, { messages: [message] });
    };
    const { code, messages } = await client.call(pathOf(kind), [message]);
    assert.deepEqual([code, sent, messages], [0, [message], [message]]);
  });

  test(`${kind}: a status in the first headers passes with its details and metadata untouched`, async () => {
    upstream.answer = (call) =>
      trailersOnly(call, {
        'grpc-status': '9',
        'grpc-message': 'not%20now',
        'grpc-status-details-bin': detailsText,
        'x-why': 'because',
        'x-why-bin': 'AP8=',
      });
    const { code, message: text, trailers } = await client.call(pathOf(kind), [message]);
    assert.deepEqual([code, text], [9, 'not now']);
    assert.deepEqual(trailers.get('grpc-status-details-bin'), [Buffer.from(details)]);
    assert.deepEqual([trailers.get('x-why'), trailers.get('x-why-bin')], [['because'], [Buffer.from([0, 255])]]);
  });

  test(`${kind}: a call that failed after its initial metadata keeps them, and its trailers`, async () => {
    upstream.answer = (call) =>
      reply(call, { headers: { 'x-first': 'one' }, trailers: { 'grpc-status': '10', 'grpc-message': 'later', 'x-last': 'two' } });
    const { code, headers: first, trailers } = await client.call(pathOf(kind), [message]);
    assert.deepEqual([code, first?.get('x-first'), trailers.get('x-last')], [10, ['one'], ['two']]);
    assert.match(String(first?.get('portico-trace-id')), /^[0-9a-f]{32}$/);
  });

  test(`${kind}: binary metadata that the policy names passes as the bytes that it is`, async () => {
    upstream.answer = (call) => reply(call, { messages: [message] });
    const { code } = await client.call(pathOf(kind), [message], { 'x-fixture-bin': 'AP8=' });
    assert.equal(code, 0);
    assert.deepEqual([...Buffer.from(String(upstream.calls.at(-1)?.headers['x-fixture-bin']), 'base64')], [0, 255]);
  });

  test(`${kind}: neither side is told what belongs to the other's connection or to the server`, async () => {
    upstream.answer = (call) =>
      reply(call, {
        headers: { 'portico-cache': 'hit', 'portico-trace-id': 'forged', 'x-forwarded-for': '1.2.3.4', 'set-cookie': 'a=b', server: 'inner' },
        messages: [message],
        trailers: { 'portico-stale': '1', 'grpc-previous-rpc-attempts': '3', 'x-forwarded-host': 'inner' },
      });
    const spoofed = {
      'portico-sub': 'bob',
      'x-portico-user': 'bob',
      'x-forwarded-for': '1.2.3.4',
      forwarded: 'for=1.2.3.4',
      'grpc-previous-rpc-attempts': '1',
      baggage: 'a=b',
      'x-unnamed': 'no policy names it',
      'lb-token': 'x',
    };
    const {
      code,
      headers: first,
      trailers,
    } = await client.call(pathOf(kind), [message], { ...spoofed, 'x-fixture': 'named', 'app-version': '1.2.3' });
    assert.equal(code, 0);
    const seen = upstream.calls.at(-1)?.headers ?? {};
    for (const key of Object.keys(spoofed)) assert.equal(seen[key], undefined, `the upstream is told ${key}`);
    assert.deepEqual([seen['x-fixture'], seen['app-version']], ['named', '1.2.3']);
    assert.notEqual(seen.authorization, headers.authorization);
    assert.match(seen.authorization ?? '', /^Bearer [\w-]+\.[\w-]+\.[\w-]+$/);
    assert.match(String(seen.traceparent), /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[23]$/);
    for (const key of ['portico-cache', 'portico-stale', 'x-forwarded-for', 'x-forwarded-host', 'set-cookie', 'grpc-previous-rpc-attempts'])
      assert.deepEqual([first?.get(key), trailers.get(key)], [[], []], `the client is told ${key}`);
    assert.match(String(first?.get('portico-trace-id')), /^[0-9a-f]{32}$/);
  });

  test(`${kind}: the upstream's time is what is left of the client's, and never longer`, async () => {
    upstream.answer = (call) => reply(call, { messages: [message] });
    const { code } = await client.call(pathOf(kind), [message], {}, 1_500);
    assert.equal(code, 0);
    const leftMs = timeoutMs(String(upstream.calls.at(-1)?.headers['grpc-timeout']));
    assert.ok(leftMs > 0 && leftMs <= 1_500, `the upstream was given ${leftMs} ms`);
  });
}

test("without a time of the client's the policy's counts, and a stream has none", async () => {
  upstream.answer = (call) => reply(call, { messages: [message] });
  await client.call(pathOf('Unary'), [message]);
  const leftMs = timeoutMs(String(upstream.calls.at(-1)?.headers['grpc-timeout']));
  assert.ok(leftMs > 0 && leftMs <= 4_000, `the upstream was given ${leftMs} ms`);
  await client.call(pathOf('BidiStream'), [message]);
  assert.equal(upstream.calls.at(-1)?.headers['grpc-timeout'], undefined);
});

for (const kind of ['ServerStream', 'BidiStream']) {
  test(`${kind}: an error after three messages comes after three messages`, async () => {
    upstream.answer = (call) => reply(call, { messages: [message, message, message], trailers: { 'grpc-status': '8', 'grpc-message': 'enough' } });
    const { code, messages } = await client.call(pathOf(kind), [message]);
    assert.deepEqual([code, messages.length], [8, 3]);
  });
}

test('BidiStream: messages pass while both sides are open, and the half-close passes after the last', async () => {
  const seen: string[] = [];
  upstream.answer = ({ stream }) => {
    stream.respond(grpcHeaders, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.on('data', () => {
      seen.push('message');
      stream.write(framed(message));
    });
    stream.on('end', () => {
      seen.push('end');
      stream.end();
    });
  };
  const stream = client.open(pathOf('BidiStream'));
  const answers = stream[Symbol.asyncIterator]();
  for (let n = 1; n <= 3; n++) {
    stream.write(message);
    assert.deepEqual((await answers.next()).value, message);
    assert.deepEqual(
      seen,
      Array.from({ length: n }, () => 'message'),
    );
  }
  stream.end();
  assert.equal((await answers.next()).done, true);
  assert.equal(seen.at(-1), 'end');
});

for (const protocol of protocols) {
  test(`${protocol}: an upstream's details of any type pass with their bytes`, async () => {
    upstream.answer = (call) =>
      trailersOnly(call, { 'grpc-status': '9', 'grpc-message': 'not%20now', 'grpc-status-details-bin': detailsText, 'x-why': 'because' });
    const transport = transportOf(protocol, server);
    const outcome = await callOf(registry, transport, 'fixture.v1.ForwardService/Unary', { text: 'a' }, { headers, foreign: true });
    assert.deepEqual([outcome.code, outcome.message, outcome.details], [9, 'not now', ['acme.v1.Odd', 'google.rpc.ErrorInfo']]);
    assert.equal(outcome.reason, 'A');
    assert.equal(outcome.trailers.get('x-why'), 'because');
  });
}

function timeoutMs(text: string): number {
  const [, digits, unit = ''] = /^(\d+)([HMSmun])$/.exec(text) ?? [];
  return Number(digits) * ({ H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000_001 }[unit] ?? Number.NaN);
}
