import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNoopMeter } from '@opentelemetry/api';
import { SendBuffer } from './send-buffer.ts';
import { openWaitingBytes } from './send-memory-limit.ts';

/** A sink whose room a test gives, and which may call back at once. */
function openSink() {
  const written: string[] = [];
  let room = () => {};
  const sink = {
    written,
    /** What each write does besides: it returns whether there is room for the next. */
    onWrite: (): boolean => true,
    waits: 0,
    write: (message: Uint8Array) => {
      written.push(Buffer.from(message).toString());
      return sink.onWrite();
    },
    onRoom: (callback: () => void) => {
      sink.waits++;
      room = callback;
    },
    giveRoom: () => room(),
    stuckForMs: 0,
    end: () => void written.push('END'),
    fail: () => {},
    signal: new AbortController().signal,
  };
  return sink;
}

function open({ bytesMax = 1_000, unacknowledgedMax = 1_000 } = {}) {
  let nowMs = 0;
  const sink = openSink();
  const waiting = openWaitingBytes(1_000_000, createNoopMeter());
  let full = 0;
  const out = new SendBuffer({ sink, limits: { bytesMax, unacknowledgedMax }, waiting, onFull: () => full++, nowMs: () => nowMs });
  const send = (...texts: readonly string[]) => {
    for (const text of texts) out.send(Buffer.from(text), 1);
  };
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { sink, out, send, full: () => full, pass };
}

test('a sink that has room again at once gets each message once, in order', () => {
  const { sink, out, send } = open();
  sink.onWrite = () => false;
  send('1', '2', '3', '4');
  const asNode = sink.onRoom;
  let depth = 0;
  sink.onRoom = (callback) => {
    asNode(callback);
    if (depth++ < 2) callback();
  };
  sink.giveRoom();
  sink.onWrite = () => true;
  sink.giveRoom();
  assert.deepEqual(sink.written, ['1', '2', '3', '4']);
  assert.equal(out.stalledForMs, undefined);
});

test('a stream that ends while a message is written writes no more, and waits for nothing', () => {
  const { sink, out, send } = open();
  sink.onWrite = () => false;
  send('1', '2', '3');
  const { waits } = sink;
  sink.onWrite = () => {
    out.end(undefined);
    return false;
  };
  sink.giveRoom();
  send('4');
  let called = false;
  out.onRoom(() => {
    called = true;
  });
  out.acknowledge(3);
  assert.deepEqual(sink.written, ['1', '2', 'END']);
  assert.deepEqual([sink.waits, called, out.hasRoom()], [waits, false, false]);
});

test('a writer that is replaced is not called any more; one that was not, is called once', () => {
  const { sink, out, send } = open();
  sink.onWrite = () => false;
  send('1');
  const called: string[] = [];
  const remove = out.onRoom(() => called.push('older'));
  out.onRoom(() => called.push('newer'));
  remove();
  sink.onWrite = () => true;
  sink.giveRoom();
  remove();
  sink.giveRoom();
  assert.deepEqual(called, ['newer']);
});

test('what waits is bounded in bytes; unacknowledged messages wait, and others pass', () => {
  const { sink, out, send, full } = open({ bytesMax: 10, unacknowledgedMax: 2 });
  send('1', '2');
  out.send(Buffer.from('control'), 0);
  send('33333', '44444');
  assert.equal(full(), 0);
  send('5');
  assert.equal(full(), 1);
  assert.deepEqual(sink.written, ['1', '2', 'control']);
  assert.equal(out.acknowledge(3), false);
  assert.equal(out.acknowledge(1), true);
  assert.deepEqual(sink.written.slice(3), ['33333']);
});

test('a writer that waits for room is stalled, like a message that waits, until it has it or leaves', () => {
  const { out, send } = open({ unacknowledgedMax: 1 });
  send('1');
  assert.equal(out.stalledForMs, undefined, 'nothing waits');
  const leave = out.onRoom(() => {});
  assert.equal(out.stalledForMs, 0);
  leave();
  assert.equal(out.stalledForMs, undefined);
  let called = 0;
  out.onRoom(() => called++);
  assert.equal(out.stalledForMs, 0);
  out.acknowledge(1);
  assert.deepEqual([called, out.stalledForMs], [1, undefined]);
});

test('a client that takes a large message slowly is stalled only for as long as it takes no byte of it', () => {
  const { sink, out, send, pass } = open();
  sink.onWrite = () => false;
  send('a large one', 'the next');
  pass(60_000);
  sink.stuckForMs = 2_000;
  assert.equal(out.stalledForMs, 2_000);
  sink.stuckForMs = 90_000; // it had stopped to read before the next one came
  assert.equal(out.stalledForMs, 60_000);
  sink.giveRoom();
  assert.equal(out.stalledForMs, undefined);
});

test('a client that takes all bytes, and acknowledges none, is stalled', () => {
  const { out, send, pass } = open({ unacknowledgedMax: 1 });
  send('1', '2');
  pass(60_000);
  assert.equal(out.stalledForMs, 60_000);
  out.acknowledge(1);
  assert.equal(out.stalledForMs, undefined);
});
