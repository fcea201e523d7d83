// Every limit that refuses or ends something of a client is counted by its reason, and half of anything has a time.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { Metadata } from 'nice-grpc-common';
import type { Handler } from '../../src/core/ports/call.ts';
import { limitReasons } from '../../src/transport/http/transport-metrics.ts';
import { openFixture } from '../fixture/app.ts';
import { registryOf, signIn } from '../support/client/protocols.ts';
import { frame, preface } from '../support/client/raw-http2.ts';
import { scraped } from '../support/client/scrape.ts';
import { openWire } from '../support/client/wire.ts';
import { fixtureRelease, openTestServer, type TestServer } from '../support/server/test-server.ts';
import { until } from '../support/time/until.ts';
import { framed } from '../support/upstream/raw-upstream.ts';

let server: TestServer;
let small: TestServer;
let behind: TestServer;
let signed: { readonly authorization: string };
const held = { running: 0, most: 0, release: Promise.withResolvers<void>() };
/** Goes on whether its client is there or not. */
const hold: Handler = async () => {
  held.running++;
  held.most = Math.max(held.most, held.running);
  await held.release.promise;
  held.running--;
  return { metadata: Metadata(), body: Buffer.alloc(0), trailers: Metadata() };
};
const { app } = openFixture();
const screens = app.screens.filter(({ method }) => !/\/(WhoAmI|Echo)$/.test(method));
const big: Handler = () => ({ metadata: Metadata(), body: Buffer.alloc(200_000), trailers: Metadata() });
before(async () => {
  server = await openTestServer({
    app: { ...app, screens },
    samples: { scripted: '127.0.0.1:1' },
    handlers: { 'fixture.v1.ScreenService/WhoAmI': hold, 'fixture.v1.ScreenService/Echo': big },
    settings: {
      'public.timers.handshake': '200ms',
      'public.timers.preface': '200ms',
      'public.timers.request': '300ms',
      'public.timers.stall': '400ms',
      'public.limits.queuedBytesPerConnection': 300_000,
      'public.limits.queuedBytes': 350_000,
      'public.corsOrigins': ['https://app.example.com'],
    },
  });
  small = await openTestServer({
    app: openFixture().app,
    samples: { scripted: '127.0.0.1:1' },
    settings: {
      'public.plaintext': true,
      'public.limits.connections': 4,
      'public.limits.connectionsPerAddress': 3,
      'public.timers.preface': '200ms',
    },
  });
  behind = await openTestServer({
    app: openFixture().app,
    samples: { scripted: '127.0.0.1:1' },
    settings: { 'public.trustedProxies': ['127.0.0.1/32'], 'public.timers.preface': '200ms' },
  });
  signed = (await signIn(server, registryOf(fixtureRelease.descriptorSet), 'alice')).headers;
});
after(async () => {
  held.release.resolve();
  await server?.close();
  await small?.close();
  await behind?.close();
});

const portOf = ({ url }: TestServer) => Number(new URL(url).port);
const quiet = <S extends Socket>(socket: S): S => {
  socket.on('error', () => {}).resume();
  return socket;
};
const tcp = (to: TestServer, address = '127.0.0.1') => quiet(connect({ port: portOf(to), host: '127.0.0.1', localAddress: address }));
const tls = async (alpn: 'h2' | 'http/1.1'): Promise<TLSSocket> => {
  const socket = quiet(connectTls({ host: '127.0.0.1', port: portOf(server), ca: server.ca, servername: 'localhost', ALPNProtocols: [alpn] }));
  await once(socket, 'secureConnect');
  return socket;
};
const closed = (socket: Socket) => new Promise((resolve) => (socket.destroyed ? resolve(undefined) : socket.once('close', resolve)));

const json = { ':method': 'POST', 'content-type': 'application/json' };
const [echo, item, whoAmI] = ['Echo', 'GetItem', 'WhoAmI'].map((name) => `/fixture.v1.ScreenService/${name}`) as [string, string, string];
const closedWindow = { initialWindowSize: 0 };
const getBig = { ...json, 'content-type': 'application/grpc', te: 'trailers', ':path': echo };

/** One call that is refused before its method. */
const refused = async (headers: Record<string, string>) => {
  await using wire = await openWire(server);
  await wire.ask({ ...json, ':path': echo, ...headers }, '{}').catch(() => {});
};

const makes: Readonly<Record<string, () => Promise<unknown>>> = {
  // ClientHello, as it begins
  handshake_timeout: async () => {
    const socket = tcp(server);
    socket.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00]));
    await closed(socket);
  },
  preface_timeout: async () => {
    const socket = await tls('h2');
    socket.write(preface.slice(0, 11));
    await closed(socket);
    const plain = tcp(small);
    plain.write('PR');
    await closed(plain);
    const whole = tcp(small);
    whole.write(preface); // and no SETTINGS
    await closed(whole);
    const unnamed = tcp(behind);
    unnamed.write('\r\n\r\n\0\r\nQUIT\n'); // and no address
    await closed(unnamed);
  },
  proxy_malformed: async () => {
    const socket = tcp(behind);
    socket.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03, 1, 2, 3, 4, 5])); // a ClientHello
    await closed(socket);
  },
  proxy_untrusted: async () => {
    await closed(tcp(behind, '127.0.0.2'));
  },
  headers_timeout: async () => {
    const socket = await tls('http/1.1');
    socket.write('GET / HTTP/1.1\r\nhost: a\r\nx: ');
    await closed(socket);
  },
  http_malformed: async () => {
    const socket = await tls('http/1.1');
    socket.write('nonsense\r\n\r\n');
    await closed(socket);
    const frames = await tls('h2');
    frames.write(preface);
    frames.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0])); // a WINDOW_UPDATE of 0
    await closed(frames);
  },
  request_timeout: async () => {
    await using wire = await openWire(server);
    const stream = wire.open({ ...json, ':path': echo });
    stream.write('{');
    await new Promise((resolve) => stream.once('close', resolve));
  },
  rest_refused: async () => {
    await using wire = await openWire(server);
    const stream = wire.open({ ...json, ':path': '/no.Such/Method' });
    stream.resume().write('{');
    await new Promise((resolve) => stream.once('close', resolve));
  },
  stream_stalled: async () => {
    await using wire = await openWire(server);
    const other = wire.open({ ...json, 'content-type': 'application/grpc', te: 'trailers', ':path': '/grpc.health.v1.Health/Watch' });
    other.resume().end(framed(Buffer.alloc(0)));
    await once(other, 'data');
    const stream = wire.open({ ...getBig, ...signed });
    stream.end(framed(Buffer.alloc(0))); // nobody takes more than the first window
    await new Promise((resolve) => stream.once('close', resolve));
    assert.equal(wire.session.closed, false);
  },
  connection_stalled: async () => {
    const wire = await openWire(server, closedWindow);
    wire
      .open({ ...json, ':path': item })
      .resume()
      .end('{}');
    await closed(wire.socket);
  },
  queue_full: async () => {
    const wire = await openWire(server, closedWindow);
    for (let i = 0; i < 2; i++)
      wire
        .open({ ...getBig, ...signed })
        .resume()
        .end(framed(Buffer.alloc(0)));
    await closed(wire.socket);
  },
  queues_full: async () => {
    const wires = await Promise.all([openWire(server, closedWindow), openWire(server, closedWindow)]);
    for (const wire of wires)
      wire
        .open({ ...getBig, ...signed })
        .resume()
        .end(framed(Buffer.alloc(0)));
    await Promise.all(wires.map(({ socket }) => closed(socket)));
  },
  // 2,000 calls that are given up at once: no more than the limit run on.
  running_full: async () => {
    await using wire = await openWire(server);
    const call = () => {
      const stream = wire.open({ ...json, ':path': whoAmI, ...signed });
      stream.end('{}');
      return stream;
    };
    const first = Array.from({ length: 100 }, call);
    await until('they run', () => held.running === 100);
    const ended = first.map((stream) => new Promise((resolve) => stream.once('close', resolve)));
    for (const stream of first) stream.close(8);
    await Promise.all(ended);
    for (let round = 0; round < 19; round++) {
      const refused = Array.from({ length: 100 }, call);
      await Promise.all(refused.map((stream) => new Promise((resolve) => stream.once('close', resolve))));
      assert.ok(refused.every(({ rstCode }) => rstCode === 7));
    }
    assert.ok((await scraped(server, 'portico_abuse_total', 'reason="running_full"')) >= 1_900);
    assert.ok(held.most <= 100, `${held.most} ran at once`);
    assert.equal(held.running, held.most); // they do not end with their streams
    held.release.resolve();
    await until('all have ended', () => held.running === 0);
  },
  control_frames: async () => {
    const wire = await openWire(server);
    for (let round = 0; round < 20 && !wire.session.destroyed; round++) {
      for (let i = 0; i < 10; i++) wire.session.ping(() => {});
      await new Promise((later) => setImmediate(later));
    }
    await closed(wire.socket);
  },
  resets: async () => {
    const socket = await tls('h2');
    socket.write(preface);
    socket.write(frame(4, 0, 0, Buffer.alloc(0)));
    const headers = { ':method': 'POST', ':scheme': 'https', ':authority': 'a', ':path': '/no.Such/Method', 'content-type': 'application/json' };
    const literal = (text: string) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
    const block = Buffer.concat(Object.entries(headers).flatMap(([name, value]) => [Buffer.from([0]), literal(name), literal(value)]));
    for (let id = 1; id < 2_000 && !socket.destroyed; id += 2) {
      socket.write(Buffer.concat([frame(1, 0x4, id, block), frame(3, 0, id, Buffer.from([0, 0, 0, 8]))]));
      if (id % 100 === 1) await new Promise((later) => setTimeout(later, 2));
    }
    await closed(socket);
  },
  address_full: async () => {
    const sockets = Array.from({ length: 4 }, () => tcp(small));
    await Promise.race(sockets.map(closed));
    for (const socket of sockets) socket.destroy();
    await Promise.all(sockets.map(closed));
  },
  connections_full: async () => {
    const sockets = ['127.0.0.2', '127.0.0.3', '127.0.0.2', '127.0.0.3', '127.0.0.2', '127.0.0.3'].map((address) => tcp(small, address));
    await Promise.race(sockets.map(closed));
    for (const socket of sockets) socket.destroy();
    await Promise.all(sockets.map(closed));
  },
  method_unknown: () => refused({ ':path': '/no.Such/Method' }),
  verb_wrong: () => refused({ ':method': 'PUT' }),
  content_type_unknown: () => refused({ 'content-type': 'text/plain' }),
  call_malformed: () => refused({ a_b: 'c' }),
  timeout_malformed: () => refused({ 'connect-timeout-ms': 'soon' }),
  http_version_wrong: async () => {
    const socket = await tls('http/1.1');
    socket.write(`POST ${echo} HTTP/1.1\r\nhost: a\r\ncontent-type: application/grpc\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
    await closed(socket);
  },
};

for (const [reason, make] of Object.entries(makes))
  test(`${reason} is counted`, async () => {
    const of = reason.startsWith('proxy_') ? behind : /^(?:address|connections)_full$/.test(reason) ? small : server;
    const count = () => scraped(of, 'portico_abuse_total', `reason="${reason}"`);
    const before = await count();
    await make();
    await until('it is counted', async () => (await count()) > before);
  });

test('HTTP/1.1: of 2,000 pipelined calls one runs, and no more when the client has disconnected', async () => {
  Object.assign(held, { most: 0, release: Promise.withResolvers<void>() });
  const socket = await tls('http/1.1');
  const call = `POST ${whoAmI} HTTP/1.1\r\nhost: a\r\nauthorization: ${signed.authorization}\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}`;
  socket.write(call.repeat(2_000));
  await until('one runs', () => held.running === 1);
  socket.destroy();
  await until('the server has noticed', async () => (await scraped(server, 'portico_connections', 'state="http1"')) === 0);
  held.release.resolve();
  await until('it has ended', () => held.running === 0);
  assert.equal(held.most, 1);
});

test('HTTP/1.1: a client that sends ever more requests behind a call that runs is cut', async () => {
  Object.assign(held, { most: 0, release: Promise.withResolvers<void>() });
  // By TLS no more than one record is read behind a call, and it has fewer requests than are allowed.
  await using plain = await openTestServer({
    app: { ...app, screens },
    samples: { scripted: '127.0.0.1:1' },
    handlers: { 'fixture.v1.ScreenService/WhoAmI': hold, 'fixture.v1.ScreenService/Echo': big },
    settings: { 'public.plaintext': true },
  });
  const who = JSON.stringify({ dev: { user: 'alice' }, device: { platform: 'ios', name: 'a' } });
  const signingIn = { method: 'POST', headers: { 'content-type': 'application/json' }, body: who };
  const signedIn = await fetch(`http://127.0.0.1:${portOf(plain)}/portico.v1.SessionService/SignIn`, signingIn);
  const { accessToken } = (await signedIn.json()) as { readonly accessToken: string };
  const socket = tcp(plain);
  const call = `POST ${whoAmI} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${accessToken}\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}`;
  const before = await scraped(plain, 'portico_abuse_total', 'reason="running_full"');
  socket.write(call + 'GET / HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(100_000));
  await until('it is cut', () => socket.destroyed);
  held.release.resolve();
  await until('the call has ended', () => held.running === 0);
  assert.ok((await scraped(plain, 'portico_abuse_total', 'reason="running_full"')) > before);
});

test('no reason of a limit is without a way to it', () => {
  assert.deepEqual(
    limitReasons.filter((reason) => makes[reason] === undefined),
    [],
  );
});

test('connections, handshakes, resets and GOAWAYs are counted', async () => {
  const metric = (name: string, label: string) => scraped(server, name, label);
  const before = await metric('portico_handshakes_total', 'result="done"');
  const open = await metric('portico_connections', 'state="http2"');
  const goaways = await metric('portico_http2_goaways_total', 'by="client"');
  const wire = await openWire(server);
  const one = await tls('http/1.1');
  const half = tcp(server);
  await once(half, 'connect');
  await until('they are open', async () => (await metric('portico_connections', 'state="http2"')) === open + 1);
  await until('one has no handshake yet', async () => (await metric('portico_connections', 'state="handshake"')) === 1);
  assert.equal(await metric('portico_connections', 'state="http1"'), 1);
  assert.equal(await metric('portico_handshakes_total', 'result="done"'), before + 2);
  const distrusts = quiet(connectTls({ host: '127.0.0.1', port: portOf(server), servername: 'localhost', ca: [] })); // knows no authority
  await closed(distrusts);
  await until('it failed', async () => (await metric('portico_handshakes_total', 'result="failed"')) > 0);
  wire.session.goaway(0);
  await until('its GOAWAY came', async () => (await metric('portico_http2_goaways_total', 'by="client"')) > goaways);
  assert.ok((await metric('portico_http2_goaways_total', 'by="server"')) > 0);
  assert.ok((await metric('portico_http2_resets_total', 'code="8"')) > 0);
  for (const socket of [one, half, wire.socket]) socket.destroy();
  await until('none is open', async () => (await metric('portico_connections', 'state="http1"')) === 0);
  await until('nor half open', async () => (await metric('portico_connections', 'state="handshake"')) === 0);
});
