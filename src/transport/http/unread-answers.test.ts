// What counts as progress of an answer, on a real connection and with a clock that the test advances.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { fakeClock } from '../../../test/support/time/clock.ts';
import { until } from '../../../test/support/time/until.ts';
import { nobody } from '../connection-peer.ts';
import { Connection, Outgoing } from './http-connection.ts';
import { unsentOf } from './socket-handle.ts';
import { unreadAnswers } from './unread-answers.ts';

const stallMs = 30_000;

class Answer extends Outgoing {
  readonly output: Socket;
  constructor(output: Socket, connection: Connection) {
    super(connection);
    this.output = output;
  }
  cut(): void {
    assert.fail('a connection with one answer is cut as a whole');
  }
}

function check(bytesMax: number) {
  const clock = fakeClock();
  return { clock, unread: unreadAnswers({ stallMs, connectionBytesMax: 1e9, bytesMax }, clock) };
}

/** One connection with one answer. */
async function open({ clock, unread } = check(1e9)) {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const accepted = once(listener, 'connection');
  const client = connect({ port: (listener.address() as AddressInfo).port, host: '127.0.0.1' });
  const [socket] = (await accepted) as [Socket];
  const cuts: string[] = [];
  const connection = new Connection({
    peer: nobody,
    statusBytesMax: 8_192,
    wrote: unread.wrote,
    unsent: () => unsentOf(socket),
    report: (reason) => cuts.push(reason),
    destroy: () => {},
  });
  const answer = new Answer(socket, connection);
  connection.opened(answer);
  return {
    answer,
    client,
    socket,
    clock,
    cuts,
    [Symbol.dispose]: () => {
      unread.close();
      client.destroy();
      socket.destroy();
      listener.close();
    },
  };
}

test('a client that reads one large write slowly is not cut; once it stops, it is, and is counted once', async () => {
  using on = await open();
  for (let i = 0; i < 600; i++) on.answer.write(Buffer.alloc(65_536)); // 40 MB: Node passes all but the first on in one write
  await until('all but the first write waits in one', () => {
    on.client.read();
    return unsentOf(on.socket) > 20_000_000;
  });
  await on.clock.advance(5_000);
  const waiting = on.socket.writableLength;
  for (let i = 0; i < 8; i++) {
    const before = unsentOf(on.socket);
    await until('the kernel has taken more', () => {
      on.client.read();
      return unsentOf(on.socket) < before;
    });
    await on.clock.advance(stallMs * 0.8);
  }
  assert.deepEqual([on.socket.writableLength, on.cuts], [waiting, []]);
  await on.clock.advance(2 * stallMs);
  await on.clock.advance(2 * stallMs);
  on.answer.write(Buffer.alloc(10)); // while the connection ends
  await on.clock.advance(2 * stallMs);
  assert.deepEqual(on.cuts, ['connection_stalled']);
});

test('beyond the bound for all connections a client that does not read is ended, and not one with more that reads', async () => {
  const common = check(60_000_000);
  using reading = await open(common);
  using stuck = await open(common);
  using fresh = await open(common);
  for (const [{ answer, socket, client }, writes] of [
    [stuck, 240],
    [reading, 600],
  ] as const) {
    for (let i = 0; i < writes; i++) answer.write(Buffer.alloc(65_536));
    await until('all but the first write waits in one', () => {
      client.read();
      return unsentOf(socket) > 1_000_000;
    });
  }
  await common.clock.advance(2_000);
  const before = unsentOf(reading.socket);
  await until('the one that reads makes progress', () => {
    reading.client.read();
    return unsentOf(reading.socket) < before;
  });
  await common.clock.advance(1_000);
  for (let i = 0; i < 310; i++) fresh.answer.write(Buffer.alloc(65_536));
  await until('one is ended', () => [...reading.cuts, ...stuck.cuts, ...fresh.cuts].length > 0);
  assert.deepEqual([reading.cuts, stuck.cuts, fresh.cuts], [[], ['queues_full'], []]);
});
