// What one connection may do, and for how long it may do nothing.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { openFixture } from '../fixture/app.ts';
import { openScriptedUpstream, type ScriptedUpstream } from '../fixture/scripted-upstream.ts';
import { registryOf, signIn } from '../support/client/protocols.ts';
import { openWire } from '../support/client/wire.ts';
import { fixtureRelease, openTestServer, type TestServer } from '../support/server/test-server.ts';
import { until } from '../support/time/until.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
const json = { ':method': 'POST', ':path': '/fixture.v1.ScreenService/Echo', 'content-type': 'application/json' };
let server: TestServer;
let scripted: ScriptedUpstream;
before(async () => {
  scripted = await openScriptedUpstream();
  const timers = { 'public.timers.handshake': '100ms', 'public.timers.preface': '100ms', 'public.timers.idle': '1s' };
  server = await openTestServer({ app: openFixture().app, samples: { scripted: scripted.address }, settings: timers });
});
after(async () => {
  await server?.close();
  scripted?.close();
});

/** Signs in, however often a busy machine takes longer to send the call than the server waits for it. */
async function signedIn(user: string): Promise<{ readonly authorization: string }> {
  let headers: { readonly authorization: string } | undefined;
  await until('signed in', async () => {
    headers = await signIn(server, registry, user).then(
      (session) => session.headers,
      () => undefined,
    );
    return headers !== undefined;
  });
  return headers as { readonly authorization: string };
}

const portOf = ({ url }: TestServer) => Number(new URL(url).port);

test('a session may have 100 streams and 16 KiB of headers, and nothing is pushed', async () => {
  await using wire = await openWire(server);
  const { maxConcurrentStreams, maxHeaderListSize, enablePush } = wire.session.remoteSettings;
  assert.deepEqual([maxConcurrentStreams, maxHeaderListSize, enablePush], [100, 16_384, false]);
});

test('too many or too long headers end their stream or session, and no other', async () => {
  await using other = await openWire(server);
  for (const headers of [
    Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`x-${i}`, 'a'])),
    Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`x-${i}`, 'a'.repeat(1_000)])),
  ]) {
    await using wire = await openWire(server);
    const reply = await wire.ask({ ...json, ...headers }, '{}').catch(() => undefined);
    assert.notEqual(reply?.headers[':status'], 200);
  }
  assert.equal((await other.ask(json, '{}')).headers[':status'], 200);
});

test('a connection without a handshake is closed', async () => {
  const socket = connect(portOf(server), '127.0.0.1');
  socket.on('error', () => {});
  socket.resume();
  await once(socket, 'close');
});

test('a connection without a first word after its handshake is closed', async () => {
  const socket = connectTls({ host: '127.0.0.1', port: portOf(server), ca: server.ca, servername: 'localhost', ALPNProtocols: ['h2'] });
  socket.on('error', () => {});
  socket.resume();
  await once(socket, 'close');
});

test('a connection without calls is closed, one with a quiet stream is not even told to go', async () => {
  const headers = await signedIn('alice');
  const idle = await openWire(server);
  await using busy = await openWire(server);
  let told = false;
  busy.session.on('goaway', () => {
    told = true;
  });
  const call = busy.open({
    ...json,
    ':path': '/fixture.v1.ForwardService/BidiStream',
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  call.resume();
  await once(idle.socket, 'close');
  await new Promise((later) => setTimeout(later, 500));
  assert.deepEqual([told, busy.session.closed], [false, false]);
});

test('half a request of HTTP/1.1 that is late does not cost the one before it its answer', async () => {
  const { authorization } = await signedIn('alice');
  const body = '{"text":"a","delayMs":1000}';
  const headers = `host: localhost\r\nauthorization: ${authorization}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`;
  await until('it is answered, though a busy machine may be late with the whole one, too', async () => {
    const socket = connectTls({ host: '127.0.0.1', port: portOf(server), ca: server.ca, servername: 'localhost' });
    let received = '';
    socket.on('error', () => {});
    socket.setEncoding('utf8').on('data', (chunk) => {
      received += chunk;
    });
    const closed = once(socket, 'close');
    socket.write(`POST /fixture.v1.ForwardService/Unary HTTP/1.1\r\n${headers}\r\n\r\n${body}POST / HTTP/1.1\r\nhost:`);
    await closed;
    return received.startsWith('HTTP/1.1 200 OK\r\n');
  });
});

test('empty lines between requests keep no connection of HTTP/1.1 alive', async () => {
  const socket = connectTls({ host: '127.0.0.1', port: portOf(server), ca: server.ca, servername: 'localhost' });
  socket.on('error', () => {}).resume();
  const closed = once(socket, 'close');
  await once(socket, 'secureConnect');
  socket.write('GET /.well-known/jwks.json HTTP/1.1\r\nhost: localhost\r\n\r\n');
  await once(socket, 'data');
  const lines = setInterval(() => socket.destroyed || socket.write('\r\n'), 200);
  await closed;
  clearInterval(lines);
});

test('pings keep no connection without calls alive', async () => {
  const wire = await openWire(server);
  let answered = 0;
  const goaway = once(wire.session, 'goaway');
  const pings = setInterval(() => wire.session.destroyed || wire.session.ping(() => answered++), 200);
  const [code] = await goaway;
  await once(wire.socket, 'close');
  clearInterval(pings);
  assert.equal(code, 0);
  assert.ok(answered > 0);
});
