import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNoopMeter } from '@opentelemetry/api';
import { seeded } from '../../../test/support/time/seeded.ts';
import { Outbox } from './outbox.ts';
import { openWaitingBytes } from './waiting-bytes.ts';

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
      end: () => {},
      fail: () => {},
      signal: new AbortController().signal,
    };
    const out: Outbox = new Outbox({
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
      send: (bytes: number) => out.send(new Uint8Array(bytes), 1),
      read: (on = true) => {
        reads = on;
        room();
      },
    };
  };
  return { waiting, closed, client, pass: (ms: number) => (nowMs += ms) };
}

test('over the bound those are closed whose clients have taken nothing for the longest time, until an eighth is free', () => {
  const { waiting, closed, client, pass } = openClients(800);
  const clients = ['oldest', 'older', 'newer', 'newest'].map((name) => client(name));
  for (const { send } of clients) {
    send(0); // written: the client reads no further
    send(180);
    pass(10);
  }
  assert.deepEqual([waiting.bytes, closed], [720, []]);
  clients[3]?.send(100);
  assert.deepEqual([waiting.bytes, closed], [640, ['oldest']]);
  clients[2]?.send(300);
  assert.deepEqual([waiting.bytes, closed], [280, ['oldest', 'older', 'newer']]);
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

test('whatever is sent, read, acknowledged and closed: the sum is that of all clients, and within the bound', () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = seeded(seed);
    const bytesMax = 5_000;
    const { waiting, client, pass } = openClients(bytesMax, 1_500);
    const clients = Array.from({ length: 10 }, (_, i) => client(String(i)));
    for (let step = 0; step < 400; step++) {
      const one = clients[Math.floor(random() * clients.length)] as (typeof clients)[number];
      const what = random();
      if (what < 0.7) one.send(Math.floor(random() * 400));
      else if (what < 0.9) one.read(random() < 0.5);
      else if (what < 0.92) one.out.end(undefined);
      pass(1);
      const sum = clients.reduce((all, { out }) => all + out.waitingBytes, 0);
      assert.equal(waiting.bytes, sum, `seed ${seed}, step ${step}`);
      assert.ok(sum <= bytesMax, `seed ${seed}, step ${step}`);
    }
    for (const { out } of clients) out.end(undefined);
    assert.equal(waiting.bytes, 0);
  }
});
