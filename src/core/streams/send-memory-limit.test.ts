import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNoopMeter } from '@opentelemetry/api';
import { seeded } from '../../../test/support/time/seeded.ts';
import { SendBuffer } from './send-buffer.ts';
import { openWaitingBytes } from './send-memory-limit.ts';

/** Clients that read nothing at first. */
function openClients(bytesMax: number, each = 1_000_000) {
  const waiting = openWaitingBytes(bytesMax, createNoopMeter());
  let nowMs = 0;
  const closed: string[] = [];
  const client = (name: string) => {
    let reads = false;
    let room = () => {};
    const sink = {
      write: () => reads,
      onRoom: (callback: () => void) => {
        room = callback;
      },
      stuckForMs: Number.POSITIVE_INFINITY,
      end: () => {},
      fail: () => {},
      signal: new AbortController().signal,
    };
    const out: SendBuffer = new SendBuffer({
      sink,
      limits: { bytesMax: each, unacknowledgedMax: 1_000_000 },
      waiting,
      nowMs: () => nowMs,
      onFull: () => {
        closed.push(name);
        out.end(undefined);
      },
    });
    return {
      out,
      send: (message: number | Uint8Array) => out.send(typeof message === 'number' ? new Uint8Array(message) : message, 1),
      read: (on = true) => {
        reads = on;
        room();
      },
    };
  };
  return { waiting, closed, client, pass: (ms: number) => (nowMs += ms) };
}

/** What a waiting message takes besides its bytes. */
const place = 64;

test('over the bound those are closed whose clients have taken nothing for the longest time, until an eighth is free', () => {
  const { waiting, closed, client, pass } = openClients(800);
  const clients = ['oldest', 'older', 'newer', 'newest'].map((name) => client(name));
  for (const { send } of clients) {
    send(0); // written: the client reads no further
    send(180 - place);
    pass(10);
  }
  assert.deepEqual([waiting.bytes, closed], [720, []]);
  clients[3]?.send(100 - place);
  assert.deepEqual([waiting.bytes, closed], [640, ['oldest']]);
  clients[2]?.send(300 - place);
  assert.deepEqual([waiting.bytes, closed], [280, ['oldest', 'older', 'newer']]);
});

test('a message that waits for many clients counts once, so that one large event closes nobody', () => {
  const { waiting, closed, client } = openClients(100_000);
  const clients = Array.from({ length: 100 }, (_, i) => client(String(i)));
  const shared = new Uint8Array(50_000);
  for (const { send } of clients) {
    send(0);
    send(shared);
  }
  assert.deepEqual([waiting.bytes, closed], [50_000 + 100 * place, []]);
  for (const { read } of clients.slice(1)) read();
  assert.equal(waiting.bytes, 50_000 + place);
  clients[0]?.out.end(undefined);
  assert.equal(waiting.bytes, 0);
});

test('a client that reads is never closed for those that do not', () => {
  const { closed, client, pass } = openClients(10_000);
  const good = client('good');
  const stuck = Array.from({ length: 50 }, (_, i) => client(`stuck ${i}`));
  for (const { send } of stuck) {
    send(0);
    send(1);
  }
  pass(1);
  for (let round = 0; round < 100; round++) {
    good.read(false);
    good.send(0);
    good.send(300);
    pass(1);
    for (const { send } of stuck) send(100);
    good.read();
  }
  assert.ok(closed.length > 0);
  assert.ok(!closed.includes('good'));
});

test('whatever is sent, read and closed: the sum is that of what waits, within the bound, and nothing is left', () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = seeded(seed);
    const bytesMax = 5_000;
    const { waiting, client, pass } = openClients(bytesMax, 1_500);
    const clients = Array.from({ length: 10 }, (_, i) => client(String(i)));
    for (let step = 0; step < 400; step++) {
      const one = clients[Math.floor(random() * clients.length)] as (typeof clients)[number];
      const what = random();
      const message = new Uint8Array(1 + Math.floor(random() * 400));
      if (what < 0.6) one.send(message);
      else if (what < 0.7) for (const { send } of clients) send(message);
      else if (what < 0.9) one.read(random() < 0.5);
      else if (what < 0.92) one.out.end(undefined);
      pass(1);
      const most = Math.max(...clients.map(({ out }) => out.waitingBytes));
      assert.ok(most <= waiting.bytes && waiting.bytes <= bytesMax, `seed ${seed}, step ${step}`);
    }
    for (const { out } of clients) out.end(undefined);
    assert.equal(waiting.bytes, 0);
  }
});
