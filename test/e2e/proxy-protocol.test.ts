// Behind a balancer of TCP that sends PROXY headers: limits, the access log and spans have the client's address, with our
// own TLS and with plain HTTP/2.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { after, before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { scraped } from '../support/client/scrape.ts';
import { type FixtureServer, openFixtureServer } from '../support/server/fixture-server.ts';
import { until } from '../support/time/until.ts';

const folder = mkdtempSync(join(tmpdir(), 'portico-proxied-'));
const servers: Record<'tls' | 'plain', FixtureServer | undefined> = { tls: undefined, plain: undefined };
before(async () => {
  for (const [name, plaintext] of [
    ['tls', false],
    ['plain', true],
  ] as const)
    servers[name] = await openFixtureServer({
      settings: {
        'public.plaintext': plaintext,
        'public.trustedProxies': ['10.0.0.0/8', '127.0.0.1/32'],
        'public.limits.connectionsPerAddress': 2,
        'telemetry.accessLog': join(folder, `${name}.log`),
      },
    });
});
after(async () => {
  await servers.tls?.close();
  await servers.plain?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The header that a balancer sends for a client with an IPv4 address. */
function headerFor(address: string, port = 40_000): Buffer {
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(port);
  const extra = Buffer.from([0x04, 0, 3, 1, 2, 3]); // PP2_TYPE_NOOP
  const rest = Buffer.concat([Buffer.from(address.split('.').map(Number)), Buffer.from([192, 0, 2, 1]), ports, extra]);
  return Buffer.concat([Buffer.from('0d0a0d0a000d0a515549540a2111', 'hex'), Buffer.from([0, rest.length]), rest]);
}
const local = Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex');

/** Sends the header in one packet with the first bytes that follow it. */
function prefixed(socket: Socket, header: Buffer): Duplex {
  let before = header;
  const carrier = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => {
      socket.write(Buffer.concat([before, chunk]), done);
      before = Buffer.alloc(0);
    },
  });
  socket.on('data', (chunk) => carrier.push(chunk)).on('close', () => carrier.destroy());
  return carrier;
}

/** @param pieces the bytes of each packet; 0: the header comes with what follows it */
async function open(server: FixtureServer, header: Buffer, pieces = header.length): Promise<{ socket: Socket; session: ClientHttp2Session }> {
  const { port } = new URL(server.url);
  const socket = connect({ port: Number(port), host: '127.0.0.1', noDelay: true });
  socket.on('error', () => {});
  await once(socket, 'connect');
  for (let at = 0; pieces > 0 && at < header.length; at += pieces) {
    socket.write(header.subarray(at, at + pieces));
    await new Promise((later) => setImmediate(later));
  }
  const carrier = pieces === 0 ? prefixed(socket, header) : socket;
  const through = server === servers.plain ? carrier : connectTls({ socket: carrier, ca: server.ca, servername: 'localhost', ALPNProtocols: ['h2'] });
  through.on('error', () => {});
  const session = connectHttp2(server === servers.plain ? `http://localhost:${port}` : server.url, { createConnection: () => through });
  session.on('error', () => {});
  return { socket, session };
}

async function ask(session: ClientHttp2Session): Promise<number | undefined> {
  const stream = session.request({
    ':method': 'POST',
    ':path': '/fixture.v1.ScreenService/Echo',
    'content-type': 'application/json',
  });
  stream.on('error', () => {});
  stream.resume().end('{"text":"a"}');
  const [headers] = (await Promise.race([once(stream, 'response'), once(stream, 'close').then(() => [])])) as [Record<string, unknown>?];
  return headers?.[':status'] as number | undefined;
}

for (const name of ['tls', 'plain'] as const) {
  const serverOf = () => servers[name] as FixtureServer;
  const peers = () =>
    readFileSync(join(folder, `${name}.log`), 'utf8')
      .trimEnd()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => (JSON.parse(line) as { readonly peer?: string }).peer);

  test(`${name}: a call has the address of the client that the header names, however TCP cuts it`, async () => {
    for (const [i, pieces] of [0, 1, 7, 16, 100].entries()) {
      const { session } = await open(serverOf(), headerFor(`203.0.${i}.7`), pieces);
      assert.equal(await ask(session), 200);
      session.destroy();
      await until('its line has the client', () => peers().includes(`203.0.${i}.0`));
    }
  });

  test(`${name}: a check of the proxy itself counts as the proxy's own connection`, async () => {
    const { session } = await open(serverOf(), local);
    assert.equal(await ask(session), 200);
    session.destroy();
    await until('its line has the proxy', () => peers().includes('127.0.0.0'));
  });

  test(`${name}: the limit of an address is that of each client, and not of the proxy`, async () => {
    const opened = await Promise.all(['192.0.2.1', '192.0.2.1', '192.0.2.2', '192.0.2.3'].map((address) => open(serverOf(), headerFor(address))));
    for (const { session } of opened) assert.equal(await ask(session), 200);
    const third = await open(serverOf(), headerFor('192.0.2.1'));
    await until('it was refused', () => third.socket.destroyed || third.session.destroyed);
    assert.equal(await scraped(serverOf(), 'portico_abuse_total', 'reason="address_full"'), 1);
    for (const { session } of [...opened, third]) session.destroy();
  });
}

test('a connection without a header keeps no server that is told to close', async () => {
  const server = await openFixtureServer({ settings: { 'public.trustedProxies': ['127.0.0.1/32'], 'public.timers.preface': '2m' } });
  const socket = connect({ port: Number(new URL(server.url).port), host: '127.0.0.1' });
  const closed = new Promise((resolve) => socket.on('error', () => {}).once('close', resolve));
  await once(socket, 'connect');
  socket.write(local.subarray(0, 7));
  await server.close();
  await closed;
});
