// What a stranger may cost: a refusal is paid by its headers, one connection has its bounds, and everything that comes has a time.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpsRequest } from 'node:https';
import { after, before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { openFixture } from '../fixture/app.ts';
import { openScriptedUpstream, type ScriptedUpstream } from '../fixture/scripted-upstream.ts';
import { registryOf, signIn } from '../support/client/protocols.ts';
import { openWire, type Wire } from '../support/client/wire.ts';
import { fixtureRelease, openTestServer, type TestServer } from '../support/server/test-server.ts';
import { until } from '../support/time/until.ts';
import { framed } from '../support/upstream/raw-upstream.ts';

let server: TestServer;
let scripted: ScriptedUpstream;
let signed: { readonly authorization: string };
before(async () => {
  scripted = await openScriptedUpstream();
  const { app, titles } = openFixture();
  titles.set('9', 'x'.repeat(2_000));
  server = await openTestServer({
    app,
    samples: { scripted: scripted.address },
    settings: { 'public.corsOrigins': ['https://app.example.com'] },
  });
  signed = (await signIn(server, registryOf(fixtureRelease.descriptorSet), 'alice')).headers;
});
after(async () => {
  await server?.close();
  scripted?.close();
});

const getItem = '/fixture.v1.ScreenService/GetItem';
const bidi = '/fixture.v1.ForwardService/BidiStream';

/** CPU of this process, server and client, for each of `count` calls, the best of five rounds. Microseconds. */
async function cpuOf(count: number, call: () => Promise<unknown>): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round++) {
    const before = process.cpuUsage();
    for (let i = 0; i < count; i++) await call();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / count);
  }
  return best;
}

const unknownFields = Buffer.alloc(2 * 340_000, Buffer.from([0x78, 0x01]));
const forms = [
  ['Connect', { 'content-type': 'application/proto', 'content-encoding': 'gzip' }, gzipSync(unknownFields)],
  [
    'gRPC-Web',
    { 'content-type': 'application/grpc-web+proto', 'grpc-encoding': 'gzip' },
    Buffer.concat([Buffer.from([1]), framed(gzipSync(unknownFields)).subarray(1)]),
  ],
  [
    'gRPC',
    { 'content-type': 'application/grpc', te: 'trailers', 'grpc-encoding': 'gzip' },
    Buffer.concat([Buffer.from([1]), framed(gzipSync(unknownFields)).subarray(1)]),
  ],
] as const;
for (const [name, headers, bomb] of forms) {
  test(`${name}: a bomb without a token costs what any call without a token does`, async () => {
    await using wire = await openWire(server);
    const small = await cpuOf(50, () =>
      wire.ask({ ':path': getItem, ...headers }, name === 'Connect' ? gzipSync(Buffer.alloc(0)) : framed(Buffer.alloc(0))),
    );
    const refused = await cpuOf(50, () => wire.ask({ ':path': getItem, ...headers }, bomb));
    assert.ok(refused < 2.5 * small, `${Math.round(refused)} µs for each, ${Math.round(small)} without the bomb`);
  });
}

test('pipelined HTTP/1.1 calls are answered one after the other, in order', async () => {
  const { port } = new URL(server.url);
  const socket = connectTls({ host: '127.0.0.1', port: Number(port), ca: server.ca, servername: 'localhost' });
  socket.on('error', () => {});
  const body = '{"delayMs":20}';
  const head = `POST /fixture.v1.ForwardService/Unary HTTP/1.1\r\nhost: localhost\r\nauthorization: ${signed.authorization}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
  const calls = 30;
  let most = 0;
  const watching = setInterval(() => {
    most = Math.max(most, scripted.running());
  }, 2);
  let said = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk;
  });
  socket.write((head + body).repeat(calls));
  await until('all are answered', () => (said.match(/HTTP\/1\.1 200 OK/g) ?? []).length === calls, 20_000);
  clearInterval(watching);
  socket.destroy();
  assert.ok(most <= 1, `${most} ran at once`);
});

test('calls of an HTTP/2 connection that were given up count until their handlers have ended', async () => {
  await using wire = await openWire(server);
  const open = () => {
    const stream = wire.open({
      ':method': 'POST',
      ':path': '/fixture.v1.ForwardService/Unary',
      'content-type': 'application/grpc',
      te: 'trailers',
      ...signed,
    });
    stream.end(framed(Buffer.from([0x18, 0xe8, 0x07]))); // a second
    return stream;
  };
  const streams = Array.from({ length: 60 }, open);
  await until('they run', () => scripted.running() > 0);
  for (const stream of streams) stream.close(8);
  await until('they end at the upstream, too', () => scripted.running() === 0);
  const reply = await wire.ask({ ':path': '/fixture.v1.ScreenService/Echo', 'content-type': 'application/json' }, '{"text":"a"}');
  assert.equal(reply.body.toString(), '{"text":"a"}');
});

const halfBodies: readonly (readonly [what: string, headers: Record<string, string>])[] = [
  ['an unknown path', { ':method': 'POST', ':path': '/no.Such/Method', 'content-type': 'application/json' }],
  ['a page', { ':method': 'GET', ':path': '/.well-known/jwks.json' }],
  ['a preflight', { ':method': 'OPTIONS', ':path': getItem, origin: 'https://app.example.com', 'access-control-request-method': 'POST' }],
  [
    'a client stream without a token',
    { ':method': 'POST', ':path': '/fixture.v1.ForwardService/ClientStream', 'content-type': 'application/grpc', te: 'trailers' },
  ],
  ['a bidirectional stream without a token', { ':method': 'POST', ':path': bidi, 'content-type': 'application/connect+json' }],
];
for (const [what, headers] of halfBodies) {
  test(`half a body of ${what} is refused within seconds, after its answer`, async () => {
    await using wire = await openWire(server);
    const stream = wire.open(headers);
    const answered = once(stream, 'response');
    stream.write('abc');
    stream.resume();
    await answered;
    const atMs = performance.now();
    await new Promise((resolve) => stream.once('close', resolve));
    assert.equal(stream.rstCode, 0);
    assert.ok(performance.now() - atMs < 5_000);
  });
}

test('HTTP/1.1: after a request that is too large the connection is closed, and the answer arrives', async () => {
  const sent = httpsRequest(new URL('/fixture.v1.ScreenService/Echo', server.url), {
    method: 'POST',
    ca: server.ca,
    agent: false,
    headers: { 'content-type': 'application/json', connection: 'keep-alive' },
  });
  sent.on('error', () => {});
  sent.write(`{"text":"${'a'.repeat(2_000_000)}`);
  const [response] = await once(sent, 'response');
  assert.deepEqual([response.statusCode, response.headers.connection], [429, 'close']);
  response.resume();
  await once(response, 'end');
  sent.destroy();
});

test('HTTP/1.1: an idle connection lives for longer than five seconds', async () => {
  const { port } = new URL(server.url);
  const socket = connectTls({ host: '127.0.0.1', port: Number(port), ca: server.ca, servername: 'localhost' });
  socket.on('error', () => {});
  let said = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk;
  });
  const call = 'GET /.well-known/jwks.json HTTP/1.1\r\nhost: localhost\r\n\r\n';
  socket.write(call);
  await until('it is answered', () => said.includes('keys'));
  await new Promise((later) => setTimeout(later, 7_000));
  said = '';
  socket.write(call);
  await until('it is answered again', () => said.includes('keys'));
  socket.destroy();
});

test('a compressed answer has its own etag, and both say what they hang on', async () => {
  const wire: Wire = await openWire(server);
  const long = encodeURIComponent(JSON.stringify({ itemId: '9' }));
  const path = `${getItem}?connect=v1&encoding=json&message=${long}`;
  const get = (extra: Record<string, string> = {}) => wire.ask({ ':method': 'GET', ':path': path, ...signed, ...extra });
  const plain = await get();
  const packed = await get({ 'accept-encoding': 'gzip' });
  assert.equal(packed.headers['content-encoding'], 'gzip');
  for (const { headers } of [plain, packed]) assert.match(String(headers.vary), /accept-encoding/);
  assert.notEqual(plain.headers.etag, packed.headers.etag);
  const again = await get({ 'accept-encoding': 'gzip', 'if-none-match': String(packed.headers.etag) });
  assert.deepEqual([again.headers[':status'], again.headers.etag], [304, packed.headers.etag]);
  const refused = await get({ 'accept-encoding': 'gzip;q=0' });
  assert.equal(refused.headers['content-encoding'], undefined);
  await wire[Symbol.asyncDispose]();
});

test('headers that a stranger chooses make a refusal no dearer than their bytes do', async () => {
  await using wire = await openWire(server);
  const ask = (headers: Readonly<Record<string, string>>) => () => wire.ask({ ':path': '/no.Such/Method', ...headers }, Buffer.alloc(0));
  const of = (key: string, value: string) => ask({ 'content-type': 'application/json', [key]: value });
  const plain = await cpuOf(30, of('x-long', `${'ab'.repeat(2_000)}`));
  for (const [what, call] of [
    ['spaces in the content type', of('content-type', `a${' '.repeat(4_000)}b`)],
    ['subtags of a language', of('accept-language', 'aa-'.repeat(1_300).slice(0, -1))],
    ['wishes of languages', of('accept-language', 'aa,'.repeat(1_300).slice(0, -1))],
    ['encodings', of('accept-encoding', 'a,'.repeat(2_000).slice(0, -1))],
  ] as const) {
    const cost = await cpuOf(30, call);
    assert.ok(cost < 3 * plain, `${what}: ${Math.round(cost)} µs, others ${Math.round(plain)} µs`);
  }
});

test('HTTP/1.1: many headers do not hide the length of a body that never comes whole', async () => {
  const timers = { 'public.timers.request': '600ms' };
  await using own = await openTestServer({ app: openFixture().app, samples: { scripted: scripted.address }, settings: timers });
  const socket = connectTls({ host: '127.0.0.1', port: Number(new URL(own.url).port), ca: own.ca, servername: 'localhost' });
  socket.on('error', () => {}).resume();
  const many = Array.from({ length: 62 }, (_, i) => `a${i}: 1\r\n`).join('');
  socket.write(`POST /grpc.health.v1.Health/Check HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${many}content-length: 10\r\n\r\n`);
  await once(socket, 'close');
});
