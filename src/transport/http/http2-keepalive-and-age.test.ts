import { once } from 'node:events';
import { performServerHandshake } from 'node:http2';
import { type AddressInfo, connect, createServer } from 'node:net';
import { test } from 'node:test';
import { fakeClock } from '../../../test/support/time/clock.ts';
import { until } from '../../../test/support/time/until.ts';
import { nobody } from '../connection-peer.ts';
import { Connection } from './http-connection.ts';
import { openConnectionLifetimes } from './http2-keepalive-and-age.ts';

const timers = { handshakeMs: 10_000, prefaceMs: 10_000, requestMs: 30_000, idleMs: 300_000, stallMs: 30_000 };
const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
const goaway = Buffer.from([0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

const connectionOf = () =>
  new Connection({ peer: nobody, statusBytesMax: 8_192, wrote: () => {}, unsent: () => 0, report: () => {}, destroy: () => {} });

test('a client that says GOAWAY and leaves its socket open throws in no timer', async () => {
  const clock = fakeClock();
  const sessions = openConnectionLifetimes(timers, clock, () => {});
  const server = createServer((socket) => {
    const session = performServerHandshake(socket.on('error', () => {}));
    session.on('error', () => {});
    sessions.add({
      session,
      socket,
      connection: connectionOf(),
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
  client.on('error', () => {}).resume();
  try {
    client.write(Buffer.concat([Buffer.from(preface), settings, goaway]));
    await until('the session is over', () => [...sessions.all()].some((session) => session.destroyed));
    await clock.advance(7_200_000); // past every ping, the idle time and the age
  } finally {
    client.destroy();
    server.close();
    sessions.close();
  }
});

test('a client that stops inside a header block is closed, though it has other calls and answers nothing', async () => {
  const clock = fakeClock();
  const sessions = openConnectionLifetimes(timers, clock, () => {});
  let isClosed = false;
  const server = createServer((socket) => {
    socket
      .on('error', () => {})
      .once('close', () => {
        isClosed = true;
      });
    const session = performServerHandshake(socket);
    session.on('error', () => {});
    sessions.add({ session, socket, connection: connectionOf() });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
  client.on('error', () => {}).resume();
  try {
    const half = Buffer.from([0, 0, 1, 1, 0, 0, 0, 0, 1, 0x83]); // HEADERS without END_HEADERS, and no CONTINUATION
    client.write(Buffer.concat([Buffer.from(preface), settings, half]));
    await until('the session has begun', () => [...sessions.all()].length === 1);
    await clock.advance(31_000); // a ping after ten seconds, and twenty for its answer
    await until('its socket is closed', async () => {
      await clock.advance(5_000);
      return isClosed;
    });
  } finally {
    client.destroy();
    server.close();
    sessions.close();
  }
});
