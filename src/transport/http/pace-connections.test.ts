import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { fakeClock } from '../../../test/support/time/clock.ts';
import { until } from '../../../test/support/time/until.ts';
import { acceptUnread, paceConnections } from './pace-connections.ts';

/** A listener that answers a connection with what it was sent first. */
async function open() {
  const clock = fakeClock();
  let passed = 0;
  const paced = paceConnections((socket) => {
    passed++;
    socket.on('data', (bytes) => socket.end(bytes)).resume();
  }, clock);
  let accepted = 0;
  const listener = acceptUnread((socket) => {
    accepted++;
    paced.pass(socket);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const clients = Array.from({ length: 100 }, (_, i) => {
    const socket = connect((listener.address() as AddressInfo).port, '127.0.0.1');
    socket.write(`client ${i}`);
    return socket;
  });
  await until('all are accepted', () => accepted === clients.length);
  return { clock, paced, listener, clients, passed: () => passed };
}

/** What a client receives until its connection ends; one whose bytes nobody has read is reset. */
const textOf = (socket: Socket) =>
  new Promise<string>((resolve) => {
    let text = '';
    socket.on('data', (bytes) => {
      text += bytes;
    });
    socket.on('error', () => {}).on('close', () => resolve(text));
  });

test('of many connections at once few are passed on in a millisecond, each with its first bytes', async () => {
  const { clock, listener, clients, passed } = await open();
  assert.equal(passed(), 4);
  const texts = Promise.all(clients.map(textOf));
  await clock.advance(500);
  assert.deepEqual(
    await texts,
    clients.map((_, i) => `client ${i}`),
  );
  listener.close();
});

test('those that wait are ended when the listener closes, and never passed on', async () => {
  const { clock, paced, listener, clients, passed } = await open();
  const texts = Promise.all(clients.map(textOf));
  paced.close();
  const closed = once(listener, 'close');
  listener.close();
  const served = (await texts).filter((text) => text !== '').length;
  await closed;
  await clock.advance(500);
  assert.deepEqual([served, passed()], [4, 4]);
});
