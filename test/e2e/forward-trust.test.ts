// What an upstream says is not trusted: only what the policy lets pass reaches a client, and what is no status of gRPC becomes one.
import assert from 'node:assert/strict';
import { connect } from 'node:http2';
import { after, before, test } from 'node:test';
import { Any } from '../../src/gen/google/protobuf/any.ts';
import { DebugInfo, ErrorInfo } from '../../src/gen/google/rpc/error_details.ts';
import { Status } from '../../src/gen/google/rpc/status.ts';
import { openFixture } from '../fixture/app.ts';
import { callOf, keptTransports, type ProtocolName, protocols, registryOf, signIn } from '../support/client/protocols.ts';
import { fixtureRelease, openTestServer, type TestServer } from '../support/server/test-server.ts';
import { framed, grpcHeaders, openRawUpstream, type RawUpstream, reply, trailersOnly } from '../support/upstream/raw-upstream.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
const kinds = ['Unary', 'ServerStream', 'ClientStream', 'BidiStream'] as const;
const message = Buffer.from([0x0a, 0x01, 0x61]);
const leak = 'pq: password authentication failed for user "orders" (host=10.1.2.3)';

const transportOf = keptTransports();
let server: TestServer;
let upstream: RawUpstream;
let headers: { readonly authorization: string };
before(async () => {
  upstream = await openRawUpstream();
  server = await openTestServer({ app: openFixture().app, samples: { scripted: upstream.address } });
  ({ headers } = await signIn(server, registry, 'alice'));
});
after(async () => {
  await server?.close();
  await upstream?.close();
});

const carries = (protocol: ProtocolName, kind: string) => !(protocol.endsWith('h1') && kind === 'BidiStream');
const call = (protocol: ProtocolName, method: string, foreign = false) =>
  callOf(registry, transportOf(protocol, server), `fixture.v1.${method}`, [{ text: 'a', count: 1 }], { headers, foreign });

function detailsOf(code: number, text: string, ...details: Any[]): string {
  return Buffer.from(Status.encode({ code, message: text, details }).finish()).toString('base64');
}
const info = (reason: string) =>
  Any.create({
    typeUrl: 'type.googleapis.com/google.rpc.ErrorInfo',
    value: Buffer.from(ErrorInfo.encode(ErrorInfo.fromPartial({ reason, domain: 'orders' })).finish()),
  });

const secret = {
  'access-control-allow-origin': '*',
  location: 'https://inner',
  'cache-control': 'public, max-age=600',
  etag: '"theirs"',
  'x-internal-secret': 'hush',
  server: 'inner/1.2',
  'x-shown': 'yes',
  'x-shown-bin': 'AP8',
} as const;

for (const protocol of protocols) {
  for (const kind of ['ServerStream', 'BidiStream'].filter((kind) => carries(protocol, kind)))
    test(`${protocol}, ${kind}: a stream that ends with OK and without a message is an empty stream`, async () => {
      upstream.answer = (asked) => trailersOnly(asked, { 'grpc-status': '0' });
      const { code, messages } = await call(protocol, `ForwardService/${kind}`);
      assert.deepEqual([code, messages], [0, []]);
    });
  for (const kind of kinds.filter((kind) => carries(protocol, kind))) {
    test(`${protocol}, ${kind}: of an answer's metadata only what the policy names reaches the client`, async () => {
      upstream.answer = (asked) => reply(asked, { headers: secret, messages: [message], trailers: { ...secret, 'grpc-status': '0' } });
      const good = await call(protocol, `GuardedService/${kind}`);
      assert.equal(good.code, 0, good.message);
      upstream.answer = (asked) => trailersOnly(asked, { ...secret, 'grpc-status': '9', 'grpc-message': 'not now' });
      const failed = await call(protocol, `GuardedService/${kind}`, true);
      assert.deepEqual([failed.code, failed.message], [9, 'not now']);
      for (const got of [good.headers, good.trailers, failed.headers, failed.trailers]) {
        for (const key of ['location', 'x-internal-secret', 'etag', 'server']) assert.equal(got.get(key), null, key);
        assert.notEqual(got.get('cache-control'), secret['cache-control']);
        assert.notEqual(got.get('access-control-allow-origin'), '*');
      }
      assert.deepEqual([good.headers.get('x-shown'), good.trailers.get('x-shown'), failed.trailers.get('x-shown')], ['yes', 'yes', 'yes']);
    });

    test(`${protocol}, ${kind}: texts that nobody wrote for a client are replaced, with all details`, async () => {
      for (const [code, expected, reason] of [
        [2, 2, 'UPSTREAM_UNKNOWN'],
        [13, 13, 'UPSTREAM_INTERNAL'],
        [15, 15, 'UPSTREAM_DATA_LOSS'],
        [16, 13, 'UPSTREAM_REFUSED'],
      ] as const) {
        const trailers = { 'grpc-status': String(code), 'grpc-message': leak, 'grpc-status-details-bin': detailsOf(code, leak), 'x-shown': 'yes' };
        upstream.answer = (asked) => trailersOnly(asked, trailers);
        const outcome = await call(protocol, `GuardedService/${kind}`);
        assert.deepEqual([outcome.code, outcome.reason], [expected, reason]);
        assert.doesNotMatch(JSON.stringify(outcome), /pq:|10\.1\.2\.3/);
        assert.equal(outcome.trailers.get('x-shown'), 'yes');
      }
    });

    test(`${protocol}, ${kind}: a text with an ErrorInfo passes, and so does every text where the policy says so`, async () => {
      for (const code of [2, 13, 15, 16, 5]) {
        const bin = detailsOf(code, 'for you', info('STEP_UP_NEEDED'));
        upstream.answer = (asked) => trailersOnly(asked, { 'grpc-status': String(code), 'grpc-message': 'for you', 'grpc-status-details-bin': bin });
        const outcome = await call(protocol, `GuardedService/${kind}`, true);
        assert.deepEqual([outcome.code, outcome.message, outcome.reason], [code, 'for you', 'STEP_UP_NEEDED']);
        upstream.answer = (asked) => trailersOnly(asked, { 'grpc-status': String(code), 'grpc-message': leak.replaceAll(' ', '%20') });
        const passed = await call(protocol, `ForwardService/${kind}`, true);
        assert.deepEqual([passed.code, passed.message], [code, leak]);
      }
    });

    test(`${protocol}, ${kind}: a stack in the details reaches a client only where the policy lets every text pass`, async () => {
      const stack = Any.create({
        typeUrl: 'type.googleapis.com/google.rpc.DebugInfo',
        value: Buffer.from(DebugInfo.encode({ stackEntries: [leak], detail: leak }).finish()),
      });
      const bin = detailsOf(9, 'for you', stack, info('NOT_NOW'));
      upstream.answer = (asked) => trailersOnly(asked, { 'grpc-status': '9', 'grpc-message': 'for you', 'grpc-status-details-bin': bin });
      const guarded = await call(protocol, `GuardedService/${kind}`, true);
      assert.deepEqual([guarded.code, guarded.message, guarded.reason, guarded.details.length], [9, 'for you', 'NOT_NOW', 1]);
      assert.equal((await call(protocol, `ForwardService/${kind}`, true)).details.length, 2);
    });

    test(`${protocol}, ${kind}: a detail that is not of its type is dropped, and one of a type that is unknown here stays`, async () => {
      const any = (typeUrl: string, value: readonly number[]) => Any.create({ typeUrl, value: Buffer.from(value) });
      const broken = ['ErrorInfo', 'RetryInfo', 'LocalizedMessage'].map((name) => any(`type.googleapis.com/google.rpc.${name}`, [0x0a, 0x05, 0x61]));
      const others = [any('google.rpc.DebugInfo', [0x12, 0x01, 0x61]), any('example.com/orders.v1.Why', [0xff])];
      const bin = detailsOf(9, 'no', ...broken, ...others, info('NOT_NOW'));
      upstream.answer = (asked) => trailersOnly(asked, { 'grpc-status': '9', 'grpc-message': 'no', 'grpc-status-details-bin': bin });
      const { code, reason, details } = await call(protocol, `GuardedService/${kind}`, true);
      assert.deepEqual([code, reason, details], [9, 'NOT_NOW', ['orders.v1.Why', 'google.rpc.ErrorInfo']]);
      const unread = detailsOf(13, leak, ...broken);
      upstream.answer = (asked) => trailersOnly(asked, { 'grpc-status': '13', 'grpc-message': leak, 'grpc-status-details-bin': unread });
      const replaced = await call(protocol, `GuardedService/${kind}`);
      assert.deepEqual([replaced.code, replaced.reason], [13, 'UPSTREAM_INTERNAL']);
    });

    test(`${protocol}, ${kind}: details that are no google.rpc.Status are dropped, code and text stay`, async () => {
      for (const bin of ['/w', '////', 'CAMS', 'EgL//w', '!!!', 'GgMKAf8']) {
        upstream.answer = (asked) => trailersOnly(asked, { 'grpc-status': '3', 'grpc-message': 'a%2Fb%3A c', 'grpc-status-details-bin': bin });
        const { code, message: text, details } = await call(protocol, `ForwardService/${kind}`, true);
        assert.deepEqual([code, text, details], [3, 'a/b: c', []], bin);
      }
    });

    test(`${protocol}, ${kind}: a code that is none is UNKNOWN`, async () => {
      for (const said of ['17', '99', 'NOT_FOUND', '-3']) {
        upstream.answer = (asked) => trailersOnly(asked, { 'grpc-status': said, 'grpc-message': 'text' });
        const { code, message: text } = await call(protocol, `ForwardService/${kind}`, true);
        assert.deepEqual([code, text], [2, 'text'], said);
      }
    });
  }

  test(`${protocol}: a cached forward stores nothing that its type cannot decode`, async () => {
    const wrong = protocol === 'grpc h2' || protocol.startsWith('grpc-web') ? [0xff] : [0x0a, 0x05, 0x61];
    upstream.answer = (asked) => reply(asked, { messages: [Buffer.from(wrong)] });
    const request = { text: `garbage ${protocol}` };
    const cached = () => callOf(registry, transportOf(protocol, server), 'fixture.v1.GuardedService/Cached', request, { headers });
    assert.equal((await cached()).reason, 'UPSTREAM_GARBAGE');
    upstream.answer = (asked) => reply(asked, { messages: [message] });
    const mended = await cached();
    assert.deepEqual([mended.code, mended.messages[0]?.text, mended.headers.get('portico-cache')], [0, 'a', 'miss']);
    assert.equal((await cached()).headers.get('portico-cache'), 'hit');
  });

  for (const kind of ['ServerStream', 'BidiStream'].filter((kind) => carries(protocol, kind))) {
    test(`${protocol}, ${kind}: the last message before an error arrives, a hundred times of a hundred`, async () => {
      upstream.answer = ({ stream }) => {
        stream.resume();
        stream.respond(grpcHeaders, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '8', 'grpc-message': 'enough' }));
        stream.end(Buffer.concat([framed(message), framed(message)]));
      };
      for (let n = 0; n < 100; n++) {
        const { code, messages } = await call(protocol, `ForwardService/${kind}`, true);
        assert.deepEqual([messages.length, code], [2, 8], `call ${n}`);
      }
    });
  }
}

test('by HTTP/2 itself: two messages and status 8 are on the wire, a hundred times of a hundred', async () => {
  upstream.answer = (asked) => reply(asked, { messages: [message, message], trailers: { 'grpc-status': '8' } });
  const session = connect(server.url, { ca: server.ca });
  const seen: Record<string, number> = {};
  for (let n = 0; n < 100; n++) {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/fixture.v1.ForwardService/ServerStream',
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    });
    let status: unknown;
    stream.on('trailers', (trailers) => {
      status = trailers['grpc-status'];
    });
    stream.end(framed(message));
    const bytes = Buffer.concat((await stream.toArray()) as Buffer[]);
    const what = `${bytes.length / framed(message).length} messages, status ${status}`;
    seen[what] = (seen[what] ?? 0) + 1;
  }
  session.close();
  assert.deepEqual(seen, { '2 messages, status 8': 100 });
});
