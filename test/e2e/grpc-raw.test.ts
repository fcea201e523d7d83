// What the gRPC edge makes of calls that no library would send.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { decodeBinaryHeader } from '@connectrpc/connect';
import { Status } from '../../src/gen/google/rpc/status.ts';
import { openFixture } from '../fixture/app.ts';
import { openScriptedUpstream, type ScriptedUpstream } from '../fixture/scripted-upstream.ts';
import { assertConformance, decodeDetails } from '../support/client/conformance.ts';
import { versions } from '../support/client/http.ts';
import { registryOf, signIn } from '../support/client/protocols.ts';
import { openWire, type Reply, type Wire } from '../support/client/wire.ts';
import { fixtureRelease, openTestServer, type TestServer } from '../support/server/test-server.ts';
import { framed } from '../support/upstream/raw-upstream.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
const echo = { ':path': '/fixture.v1.ScreenService/Echo', te: 'trailers' };
const hello = Buffer.from([0x0a, 0x01, 0x61]);
/** The front refuses some calls itself, before gRPC's own library sees them. */
const grpc = { ...echo, 'content-type': 'application/grpc' };
const web = { ...echo, 'content-type': 'application/grpc-web+proto' };

let server: TestServer;
let scripted: ScriptedUpstream;
let wire: Wire;
let signed: { readonly authorization: string };
before(async () => {
  scripted = await openScriptedUpstream();
  server = await openTestServer({ app: openFixture().app, samples: { scripted: scripted.address } });
  signed = (await signIn(server, registry, 'alice')).headers;
  wire = await openWire(server);
});
after(async () => {
  await wire?.[Symbol.asyncDispose]();
  await server?.close();
  scripted?.close();
});

/** Status of a reply, from its headers (Trailers-Only), its trailers, or gRPC-Web's last frame. */
function statusOf({ headers, trailers, body }: Reply): { readonly code: number; readonly reason: string | undefined } {
  const last = new Map<string, string>();
  for (const line of body.toString('latin1').split('\r\n')) {
    const [, key, value] = /(grpc-[a-z-]+): ?(.*)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) last.set(key, value);
  }
  const at = (key: string) => String(trailers[key] ?? headers[key] ?? last.get(key) ?? '');
  const code = Number(at('grpc-status') || '-1');
  const bytes = at('grpc-status-details-bin');
  if (bytes === '') return { code, reason: undefined };
  const status = Status.decode(decodeBinaryHeader(bytes));
  assert.deepEqual(
    [status.code, encodeURIComponent(status.message).replace(/%20/g, ' ')],
    [code, encodeURIComponent(decodeURIComponent(at('grpc-message'))).replace(/%20/g, ' ')],
  );
  const decoded = decodeDetails(status.details.map(({ typeUrl, value }) => ({ type: typeUrl.slice(typeUrl.lastIndexOf('/') + 1), value })));
  assertConformance(code, status.message, decoded);
  return { code, reason: decoded.info?.reason };
}

for (const [says, base] of [
  ['gRPC', grpc],
  ['gRPC-Web', web],
] as const) {
  test(`${says}: a good call by hand is answered`, async () => {
    const reply = await wire.ask(base, framed(hello));
    assert.equal(statusOf(reply).code, 0);
    assert.deepEqual(reply.body.subarray(0, 8), framed(hello));
  });

  test(`${says}: timeouts that are none are refused`, async () => {
    for (const text of ['-1S', '1s', 'S', '1.5S', '123456789S', '1 S', ''])
      assert.deepEqual(statusOf(await wire.ask({ ...base, 'grpc-timeout': text }, framed(hello))), { code: 3, reason: 'TIMEOUT_MALFORMED' }, text);
    assert.equal(statusOf(await wire.ask({ ...base, 'grpc-timeout': '99999999H' }, framed(hello))).code, 0);
    assert.deepEqual(statusOf(await wire.ask({ ...base, 'grpc-timeout': '0m' }, framed(hello))), { code: 4, reason: 'DEADLINE_EXCEEDED' });
  });

  test(`${says}: metadata with "_" or too long is refused, with the length that is allowed told`, async () => {
    assert.deepEqual(statusOf(await wire.ask({ ...base, x_y: '1' }, framed(hello))), { code: 3, reason: 'CALL_MALFORMED' });
    assert.deepEqual(statusOf(await wire.ask({ ...base, 'x-long': 'a'.repeat(4_097) }, framed(hello))), { code: 3, reason: 'CALL_MALFORMED' });
    assert.equal(statusOf(await wire.ask({ ...base, 'x-long': 'a'.repeat(4_096) }, framed(hello))).code, 0);
  });

  test(`${says}: a method or service that there is not is told so`, async () => {
    for (const path of ['/fixture.v1.ScreenService/Nothing', '/no.Such/Method', '/', '/fixture.v1.ScriptedService/Unary'])
      assert.deepEqual(statusOf(await wire.ask({ ...base, ':path': path }, framed(hello))), { code: 12, reason: 'METHOD_UNKNOWN' }, path);
  });

  test(`${says}: requests may be packed by gzip; bombs, other encodings and too much are refused`, async () => {
    const packed = (bytes: Uint8Array) => Buffer.concat([Buffer.from([1]), framed(gzipSync(bytes)).subarray(1)]);
    assert.equal(statusOf(await wire.ask({ ...base, 'grpc-encoding': 'gzip' }, packed(hello))).code, 0);
    assert.equal(statusOf(await wire.ask({ ...base, 'grpc-encoding': 'gzip' }, packed(Buffer.alloc(2_000_000)))).code, 8);
    assert.equal(statusOf(await wire.ask({ ...base, 'grpc-encoding': 'br' }, Buffer.concat([Buffer.from([1]), framed(hello).subarray(1)]))).code, 12);
    assert.equal(statusOf(await wire.ask(base, framed(Buffer.alloc(1_048_577)))).code, 8);
  });

  test(`${says}: a call of one message that sends none or two is refused`, async () => {
    assert.notEqual(statusOf(await wire.ask(base)).code, 0);
    assert.notEqual(statusOf(await wire.ask(base, Buffer.concat([framed(hello), framed(hello)]))).code, 0);
  });
}

test('gRPC: bytes that are not the message are told so, of screens and of checked streams', async () => {
  for (const bytes of [Buffer.from([0x0a, 0x7f, 0x61]), Buffer.from([0x0f, 0xff])])
    assert.deepEqual(statusOf(await wire.ask(grpc, framed(bytes))), { code: 3, reason: 'CALL_MALFORMED' });
});

test('other kinds of gRPC than its own are no content type of a call', async () => {
  for (const type of ['application/grpcweb', 'application/grpc-webtext', 'text/plain', '']) {
    const { headers } = await wire.ask({ ...echo, 'content-type': type }, framed(hello));

    assert.notEqual(headers[':status'], 200, type);
  }
});

test('a bidirectional stream over HTTP/1.1 is refused, not left hanging', async () => {
  const [[, http1]] = versions;
  const { status } = await http1(server)(
    'POST',
    '/fixture.v1.ForwardService/BidiStream',
    { ...signed, 'content-type': 'application/connect+json' },
    Buffer.from([0, 0, 0, 0, 2, 0x7b, 0x7d]),
  );
  assert.equal(status, 505);
});
