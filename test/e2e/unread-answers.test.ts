// Answers that nobody reads: their bytes, their streams and their connections have a bound, by each protocol and of
// each kind.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ClientHttp2Session } from 'node:http2';
import { after, before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { openFixture } from '../fixture/app.ts';
import { openScriptedUpstream, type ScriptedUpstream } from '../fixture/scripted-upstream.ts';
import { registryOf, signIn } from '../support/client/protocols.ts';
import { frame, headerBlock, preface } from '../support/client/raw-http2.ts';
import { scraped } from '../support/client/scrape.ts';
import { openWire } from '../support/client/wire.ts';
import { fixtureRelease, openTestServer, type TestServer } from '../support/server/test-server.ts';
import { until } from '../support/time/until.ts';
import { framed } from '../support/upstream/raw-upstream.ts';

let server: TestServer;
let scripted: ScriptedUpstream;
let signed: { readonly authorization: string };
before(async () => {
  scripted = await openScriptedUpstream();
  const { app, titles } = openFixture();
  titles.set('9', 'x'.repeat(200_000));
  const settings = { 'public.timers.stall': '400ms', 'public.limits.queuedBytesPerConnection': 1_000_000, 'public.limits.queuedBytes': 2_000_000 };
  server = await openTestServer({ app, samples: { scripted: scripted.address }, settings });
  signed = (await signIn(server, registryOf(fixtureRelease.descriptorSet), 'alice')).headers;
});
after(async () => {
  await server?.close();
  scripted?.close();
});

/** A client that opens no window, and so never reads a byte of a body. */
const closedWindow = { initialWindowSize: 0 };
const forward = '/fixture.v1.ForwardService/';
const abuse = (reason: string) => scraped(server, 'portico_abuse_total', `reason="${reason}"`);
const open = () => scraped(server, 'portico_connections', 'state="http2"');
const closeOf = (session: ClientHttp2Session) => new Promise((resolve) => session.once('close', resolve));
/** Its GOAWAY's code and reason, and its end. */
const endOf = async (session: ClientHttp2Session) => {
  let said: unknown[] = [];
  session.once('goaway', (code, _last, reason) => {
    said = [code, String(reason)];
  });
  await closeOf(session);
  return said;
};

const proto = (fields: Buffer = Buffer.alloc(0)) => framed(fields);
const many = Buffer.from([0x0a, 1, 0x61, 0x10, 100]); // text "a", count 100
const item = Buffer.from([0x0a, 1, 0x39]); // item_id "9"
const grpc = { 'content-type': 'application/grpc', te: 'trailers' };
const json = (text: string) => Buffer.from(text);
const streams: readonly (readonly [what: string, path: string, headers: Record<string, string>, body: Buffer])[] = [
  ['JSON: a refusal', '/fixture.v1.ScreenService/GetItem', { 'content-type': 'application/json' }, json('{}')],
  ['Connect: a refusal', '/fixture.v1.ScreenService/GetItem', { 'content-type': 'application/proto' }, Buffer.alloc(0)],
  ['Connect: a refused stream', `${forward}ServerStream`, { 'content-type': 'application/connect+json' }, framed(json('{}'))],
  ['a page', '/.well-known/jwks.json', { ':method': 'GET' }, Buffer.alloc(0)],
  ['gRPC: the health of the server', '/grpc.health.v1.Health/Watch', grpc, proto()],
  ['Connect: the health of the server', '/grpc.health.v1.Health/Watch', { 'content-type': 'application/connect+proto' }, proto()],
  ['gRPC: reflection', '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo', grpc, proto(Buffer.from([0x3a, 0]))],
];
const signedStreams: typeof streams = [
  ['gRPC: a screen', '/fixture.v1.ScreenService/GetItem', grpc, proto(item)],
  ['gRPC-Web: a screen', '/fixture.v1.ScreenService/GetItem', { 'content-type': 'application/grpc-web+proto' }, proto(item)],
  ['JSON: a screen', '/fixture.v1.ScreenService/GetItem', { 'content-type': 'application/json' }, json('{"itemId":"9"}')],
  ['gRPC: a forwarded stream', `${forward}ServerStream`, grpc, proto(many)],
  ['gRPC-Web: a forwarded stream', `${forward}ServerStream`, { 'content-type': 'application/grpc-web+proto' }, proto(many)],
  ['Connect: a forwarded stream', `${forward}ServerStream`, { 'content-type': 'application/connect+proto' }, proto(many)],
  ['gRPC: a forwarded conversation', `${forward}BidiStream`, grpc, proto(many)],
];

for (const [name, cases, headersOf] of [
  ['without a token', streams, () => ({})],
  ['with a token', signedStreams, () => signed],
] as const)
  for (const [what, path, headers, body] of cases)
    test(`${what}, ${name}: a client with a closed window loses its connection, and pings do not save it`, async () => {
      const wire = await openWire(server, closedWindow);
      const pings = setInterval(() => wire.session.destroyed || wire.session.ping(() => {}), 50);
      const ended = endOf(wire.session);
      const stream = wire.open({ ':method': 'POST', ':path': path, ...headers, ...headersOf() });
      stream.resume().end(body);
      assert.deepEqual(await ended, [11, 'connection_stalled']);
      clearInterval(pings);
      await until('its calls have ended', () => scripted.running() === 0);
    });

test('a hundred closed windows with a hundred refusals each hold nothing for long', async () => {
  const others = await open();
  const before = (await abuse('connection_stalled')) + (await abuse('queues_full'));
  const wires = await Promise.all(Array.from({ length: 100 }, () => openWire(server, closedWindow)));
  const ended = wires.map(({ session }) => closeOf(session));
  for (const wire of wires)
    for (let i = 0; i < 100; i++)
      wire
        .open({ ':method': 'POST', ':path': '/fixture.v1.ScreenService/GetItem', 'content-type': 'application/json', authorization: 'Bearer a.b.c' })
        .resume()
        .end('{}');
  await Promise.all(ended);
  await until('their sockets are closed', async () => (await open()) <= others);
  assert.equal((await abuse('connection_stalled')) + (await abuse('queues_full')), before + 100);
});

test('a stream that is not read ends alone, if its client reads the others', async () => {
  await using wire = await openWire(server);
  const quiet = wire.open({ ':method': 'POST', ':path': `${forward}BidiStream`, ...grpc, ...signed }); // has nothing to read
  const unread = wire.open({ ':method': 'POST', ':path': '/fixture.v1.ScreenService/GetItem', ...grpc, ...signed });
  unread.end(proto(item)); // 200,000 bytes, and nobody takes more than the first window
  await new Promise((resolve) => unread.once('close', resolve));
  assert.deepEqual([unread.rstCode, wire.session.closed, quiet.closed], [11, false, false]);
  const reply = await wire.ask({ ':path': '/fixture.v1.ScreenService/Echo', 'content-type': 'application/json' }, '{"text":"a"}');
  assert.equal(reply.body.toString(), '{"text":"a"}');
  assert.ok((await abuse('stream_stalled')) > 0);
});

test('a slow client that reads keeps its stream, however long it takes', async () => {
  await using wire = await openWire(server);
  const before = await abuse('stream_stalled');
  const slow = wire.open({ ':method': 'POST', ':path': '/fixture.v1.ScreenService/GetItem', ...grpc, ...signed });
  slow.end(proto(item));
  let received = 0;
  await once(slow, 'response');
  for await (const chunk of slow) {
    received += (chunk as Buffer).length;
    await new Promise((later) => setTimeout(later, 60)); // 13 frames: in all longer than a stall may be
  }
  assert.ok(received > 200_000);
  assert.equal(await abuse('stream_stalled'), before);
});

test('a connection with too many waiting bytes ends at once, another does not', async () => {
  await using other = await openWire(server);
  const wire = await openWire(server, closedWindow);
  const ended = endOf(wire.session);
  for (let i = 0; i < 8; i++)
    wire
      .open({ ':method': 'POST', ':path': '/fixture.v1.ScreenService/GetItem', ...grpc, ...signed })
      .resume()
      .end(proto(item));
  assert.deepEqual(await ended, [11, 'queue_full']);
  assert.equal(other.session.closed, false);
});

test('if too many bytes wait in all, the connections with the most end', async () => {
  await using other = await openWire(server);
  const wires = await Promise.all(Array.from({ length: 4 }, () => openWire(server, closedWindow)));
  const ended = wires.map(({ session }) => endOf(session));
  for (const wire of wires)
    for (let i = 0; i < 4; i++)
      wire
        .open({ ':method': 'POST', ':path': '/fixture.v1.ScreenService/GetItem', ...grpc, ...signed })
        .resume()
        .end(proto(item));
  const reasons = (await Promise.all(ended)).map(([, reason]) => reason);
  assert.ok(reasons.includes('queues_full'), String(reasons));
  assert.equal(other.session.closed, false);
});

test('HTTP/1.1: a client that does not read loses its connection, and its calls do not run ahead', async () => {
  const before = await abuse('connection_stalled');
  const socket = connectTls({ host: '127.0.0.1', port: Number(new URL(server.url).port), ca: server.ca, servername: 'localhost' });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  socket.pause();
  const body = '{"itemId":"9"}';
  const call = `POST /fixture.v1.ScreenService/GetItem HTTP/1.1\r\nhost: localhost\r\nauthorization: ${signed.authorization}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  socket.write(call.repeat(200)); // 40 MB of answers, more than the kernel takes
  await until('it is cut', async () => (await abuse('connection_stalled')) > before);
  socket.destroy();
});

test('a client that opens its window by one byte at a time loses its connection', async () => {
  const socket = connectTls({
    host: '127.0.0.1',
    port: Number(new URL(server.url).port),
    ca: server.ca,
    servername: 'localhost',
    ALPNProtocols: ['h2'],
  });
  let received = Buffer.alloc(0);
  socket
    .on('error', () => {})
    .on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
    });
  await once(socket, 'secureConnect');
  const headers = headerBlock(
    Object.entries({ ':method': 'POST', ':scheme': 'https', ':path': '/fixture.v1.ScreenService/GetItem', ':authority': 'a', ...grpc, ...signed }),
  );
  const noWindow = Buffer.from([0, 4, 0, 0, 0, 0]); // SETTINGS_INITIAL_WINDOW_SIZE
  const oneMore = Buffer.from([0, 0, 0, 1]);
  socket.write(preface);
  socket.write(Buffer.concat([frame(4, 0, 0, noWindow), frame(1, 4, 1, headers), frame(0, 1, 1, proto(item))]));
  const updates = setInterval(() => socket.writable && socket.write(frame(8, 0, 1, oneMore)), 20);
  await once(socket, 'close');
  clearInterval(updates);
  assert.ok(received.includes('connection_stalled'));
});
