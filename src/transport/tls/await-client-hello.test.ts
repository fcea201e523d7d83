import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer as createNetServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createServer, connect as openTls } from 'node:tls';
import { type FakeClock, fakeClock } from '../../../test/support/time/clock.ts';
import { seeded } from '../../../test/support/time/seeded.ts';
import { until } from '../../../test/support/time/until.ts';
import { awaitClientHello } from './await-client-hello.ts';
import { devTls } from './dev-certificates.ts';

const folder = mkdtempSync(join(tmpdir(), 'portico-hello-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const tls = await devTls(folder, Date.now());
const silentMs = 10_000;

/** A listener whose line moves on only by `goOn`. */
async function open() {
  const clock: FakeClock = fakeClock();
  const waiting = new Set<() => void>();
  const notes: string[] = [];
  const handshakes = createServer({ key: tls.key, cert: tls.cert }, (socket) => {
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  handshakes.on('tlsClientError', (_, socket) => socket.destroy());
  handshakes.on('connection', () => notes.push('handshake'));
  const end = (why: string) => (socket: Socket) => {
    notes.push(why);
    socket.destroy();
  };
  const line = (step: () => void) => {
    waiting.add(step);
    return () => void waiting.delete(step);
  };
  const listener = awaitClientHello(handshakes, line, { clock, silentMs, tooLate: end('too late'), fail: end('failed') });
  let accepted = 0;
  const sockets = new Set<Socket>();
  listener.on('connection', (socket) => {
    accepted++;
    sockets.add(socket.on('error', () => {}));
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  return {
    port: (listener.address() as AddressInfo).port,
    clock,
    waiting,
    notes,
    accepted: () => accepted,
    /** The bytes that are read. */
    has: () => [...sockets].reduce((bytes, { readableLength }) => bytes + readableLength, 0),
    goOn: () => {
      for (const step of [...waiting]) {
        waiting.delete(step);
        step();
      }
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}

/** A TLS client whose bytes come to the listener in pieces. `said`: the listener has got the first flight. */
async function openInPieces(port: number, bytes: () => number) {
  const { promise: said, resolve } = Promise.withResolvers<void>();
  const relay = createNetServer((client) => {
    const server = connect(port, '127.0.0.1').setNoDelay(true);
    for (const socket of [client, server]) socket.on('error', () => {});
    server.pipe(client);
    client.on('data', async (all) => {
      client.pause();
      for (let at = 0; at < all.length; ) {
        const piece = all.subarray(at, at + bytes());
        at += piece.length;
        await new Promise((sent) => server.write(piece, sent));
        await new Promise(setImmediate);
      }
      resolve();
      client.resume();
    });
    client.on('close', () => server.destroy());
  });
  await new Promise<void>((listening) => relay.listen(0, '127.0.0.1', listening));
  const socket = openTls({ port: (relay.address() as AddressInfo).port, host: '127.0.0.1', servername: 'localhost', rejectUnauthorized: false });
  const echo = async (text: string) => {
    socket.write(text);
    return String((await once(socket, 'data'))[0]);
  };
  const close = async () => {
    socket.destroy();
    await new Promise((closed) => relay.close(closed));
  };
  return { said, echo, [Symbol.asyncDispose]: close };
}

test('a client is passed on when its turn comes, however TCP splits its hello', async () => {
  const random = seeded(1);
  for (const most of [1, 7, 100, 1_000, 5_000]) {
    await using listener = await open();
    await using client = await openInPieces(listener.port, () => 1 + Math.floor(random() * most));
    await client.said;
    await until('it waits', () => listener.waiting.size === 1);
    assert.deepEqual(listener.notes, []);
    listener.goOn();
    assert.equal(await client.echo('hello'), 'hello');
    assert.deepEqual(listener.notes, ['handshake']);
  }
});

test('a hello in very many pieces is not read to its end before its turn', async () => {
  await using listener = await open();
  await using client = await openInPieces(listener.port, () => 1);
  await client.said;
  await until('it waits', () => listener.waiting.size === 1);
  await turn();
  assert.ok(listener.has() < 150, `${listener.has()} pieces`);
  listener.goOn();
  assert.equal(await client.echo('hello'), 'hello');
});

test('its turn may come before its hello is whole', async () => {
  await using listener = await open();
  await using client = await openInPieces(listener.port, () => 50);
  await until('it waits', () => listener.waiting.size === 1);
  listener.goOn();
  assert.equal(await client.echo('hello'), 'hello');
});

for (const [how, leave] of [
  ['ends', (socket: Socket) => socket.end()],
  ['resets', (socket: Socket) => socket.resetAndDestroy()],
] as const)
  test(`a client that ${how} its connection while it waits leaves the line, and costs no handshake`, async () => {
    await using listener = await open();
    const socket = connect(listener.port, '127.0.0.1').on('error', () => {});
    socket.write(Buffer.alloc(500, 22));
    await until('it waits', () => listener.waiting.size === 1);
    leave(socket);
    await until('it has left', () => listener.waiting.size === 0);
    listener.goOn();
    assert.deepEqual(listener.notes, []);
  });

test('one that ends without a byte never waits', async () => {
  await using listener = await open();
  const socket = connect(listener.port, '127.0.0.1').on('error', () => {});
  await until('it is there', () => listener.accepted() === 1);
  socket.end();
  await new Promise((resolve) => socket.once('close', resolve));
  assert.deepEqual([listener.waiting.size, listener.notes], [0, []]);
});

test('one that sends more than a hello is refused, whether at once or by and by', async () => {
  for (const piece of [100_000, 3_000]) {
    await using listener = await open();
    const socket = connect(listener.port, '127.0.0.1').on('error', () => {});
    const writing = setInterval(() => socket.writable && socket.write(Buffer.alloc(piece, 22)), 2);
    await new Promise((resolve) => socket.once('close', resolve));
    clearInterval(writing);
    assert.deepEqual([listener.waiting.size, listener.notes], [0, ['failed']]);
  }
});

test('one that sends nothing is ended; one that waits for its turn is not', async () => {
  await using listener = await open();
  const [silent, waits] = [connect(listener.port, '127.0.0.1'), connect(listener.port, '127.0.0.1')];
  for (const socket of [silent, waits]) socket.on('error', () => {});
  waits.write(Buffer.alloc(500, 22));
  await until('both are there, and one waits', () => listener.accepted() === 2 && listener.waiting.size === 1);
  const closed = new Promise((resolve) => silent.once('close', resolve));
  await listener.clock.advance(silentMs);
  await closed;
  assert.deepEqual([listener.waiting.size, listener.notes], [1, ['too late']]);
  waits.destroy();
});
