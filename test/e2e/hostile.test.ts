// What a client does wrong, or on purpose: each is told what was wrong with it, and nobody else notices.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { openFixture } from '../fixture/app.ts';
import { openScriptedUpstream, type ScriptedUpstream } from '../fixture/scripted-upstream.ts';
import { type HttpReply, versions } from '../support/client/http.ts';
import { registryOf, signIn } from '../support/client/protocols.ts';
import { openWire } from '../support/client/wire.ts';
import { fixtureRelease, openTestServer, type TestServer } from '../support/server/test-server.ts';
import { framed } from '../support/upstream/raw-upstream.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
const [echo, forward] = ['/fixture.v1.ScreenService/Echo', '/fixture.v1.ForwardService/'];
let server: TestServer;
let scripted: ScriptedUpstream;
let signed: { readonly authorization: string };
before(async () => {
  scripted = await openScriptedUpstream();
  const timers = { 'public.timers.preface': '300ms', 'public.timers.request': '600ms' };
  server = await openTestServer({ app: openFixture().app, samples: { scripted: scripted.address }, settings: timers });
  signed = (await signIn(server, registry, 'alice')).headers;
});
after(async () => {
  await server?.close();
  scripted?.close();
});

/** The reason that stands in an answer's bytes, whatever its form. */
function reasonIn({ headers, body }: Pick<HttpReply, 'headers' | 'body'>): string {
  const text = body.toString('latin1');
  const encoded = [...text.matchAll(/"value":"([\w+/]+)"|grpc-status-details-bin: ?([\w+/]+)/g)].map(([, json, web]) => json ?? web ?? '');
  const all = [...encoded, String(headers['grpc-status-details-bin'] ?? '')].map((part) => Buffer.from(part, 'base64').toString('latin1'));
  return /[A-Z]+_[A-Z_]+/.exec(all.join(' '))?.[0] ?? `no reason in ${text}`;
}

const broken = Buffer.from([0x0a, 0x7f, 0x61]);
const big = Buffer.concat([Buffer.from([0x0a, 0x81, 0x80, 0x40]), Buffer.alloc(1_048_577, 0x61)]);

for (const [version, open] of versions) {
  const post = (path: string, contentType: string, body: Uint8Array, headers = {}) =>
    open(server)('POST', path, { ...signed, 'content-type': contentType, ...headers }, body);

  test(`${version}: a message that cannot be read, or is too large, is told so with its reason, in every form and kind`, async () => {
    for (const [path, contentType] of [
      [echo, 'application/grpc-web+proto'],
      [`${forward}ServerStream`, 'application/grpc-web+proto'],
      [`${forward}ServerStream`, 'application/connect+proto'],
      [`${forward}ClientStream`, 'application/grpc-web+proto'],
      [`${forward}ClientStream`, 'application/connect+proto'],
    ] as const) {
      const of = `${contentType} ${path}`;
      assert.equal(reasonIn(await post(path, contentType, framed(broken))), 'CALL_MALFORMED', of);
      assert.equal(reasonIn(await post(path, contentType, framed(big))), 'REQUEST_TOO_LARGE', of);
    }
    assert.equal(reasonIn(await post(`${forward}ServerStream`, 'application/connect+json', framed(Buffer.from('{"text":')))), 'CALL_MALFORMED');
    assert.equal(reasonIn(await post(echo, 'application/proto', big)), 'REQUEST_TOO_LARGE');
  });

  test(`${version}: metadata that is no text, or no base64, is refused, and is no defect of ours`, async () => {
    assert.equal(reasonIn(await post(echo, 'application/proto', Buffer.alloc(0), { 'accept-language': 'é' })), 'CALL_MALFORMED');
    assert.equal(reasonIn(await post(echo, 'application/proto', Buffer.alloc(0), { 'x-a-bin': '!' })), 'CALL_MALFORMED');
  });

  test(`${version}: HEAD tells of a page what GET does, without its body`, async () => {
    const [head, get] = await Promise.all([open(server)('HEAD', '/.well-known/jwks.json'), open(server)('GET', '/.well-known/jwks.json')]);
    assert.deepEqual([head.status, head.headers['cache-control'], head.body.length], [200, get.headers['cache-control'], 0]);
  });
}

test('gRPC: characters that are none of ASCII are refused before a library prints them', async () => {
  await using wire = await openWire(server);
  const reply = await wire.ask({ ':path': echo, 'content-type': 'application/grpc', te: 'trailers', 'x-name': 'Zoë' }, framed(Buffer.alloc(0)));
  assert.equal(reasonIn(reply), 'CALL_MALFORMED');
});

test('streams that are reset as soon as they are opened, also of methods that there are not, end nothing else', async () => {
  await using wire = await openWire(server);
  for (const path of [echo, '/no.Such/Method', `${forward}BidiStream`]) {
    for (const contentType of ['application/grpc', 'application/json', 'application/grpc-web+proto']) {
      const stream = wire.open({ ':method': 'POST', ':path': path, 'content-type': contentType });
      const closed = once(stream, 'close');
      stream.close(8);
      await closed;
    }
  }
  const reply = await wire.ask({ ':path': echo, 'content-type': 'application/json' }, '{"text":"still here"}');
  assert.equal(reply.body.toString(), '{"text":"still here"}');
});

/** What comes back on a connection of its own until it is closed. */
async function saidTo(text: string): Promise<string> {
  const socket: TLSSocket = connectTls({ host: '127.0.0.1', port: Number(new URL(server.url).port), ca: server.ca, servername: 'localhost' });
  let said = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk;
  });
  socket.on('error', () => {});
  socket.write(text);
  await once(socket, 'close');
  return said;
}

test('HTTP/1.1 that cannot be read, or that does not come to its end, is told so and closed', async () => {
  assert.match(await saidTo('nonsense\r\n\r\n'), /^HTTP\/1\.1 400 /);
  assert.match(await saidTo(`GET / HTTP/1.1\r\nhost: a\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`), /^HTTP\/1\.1 431 /);
  assert.match(await saidTo('GET / HTTP/1.1\r\nhost: a\r\nx: '), /^HTTP\/1\.1 408 /);
  const head = `POST ${echo} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n`;
  assert.match(await saidTo(`${head}content-length: 10\r\n\r\n{`), /^HTTP\/1\.1 408 /);
  assert.match(
    await saidTo(`POST ${echo} HTTP/1.1\r\nhost: a b\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`),
    /CALL_MALFORMED|invalid_argument/,
  );
});

test('a request of one message that does not come whole in time is ended, a stream of requests is not', async () => {
  await using wire = await openWire(server);
  const streams = wire.open({ ':method': 'POST', ':path': `${forward}BidiStream`, 'content-type': 'application/grpc', te: 'trailers', ...signed });
  for (const contentType of ['application/grpc', 'application/json', 'application/grpc-web+proto']) {
    const stream = wire.open({ ':method': 'POST', ':path': echo, 'content-type': contentType, te: 'trailers' });
    await once(stream, 'close');
    assert.equal(stream.rstCode, 8);
  }
  assert.equal(streams.closed, false);
});
