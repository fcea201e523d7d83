import assert from 'node:assert/strict';
import { AsyncLocalStorage, createHook } from 'node:async_hooks';
import { once } from 'node:events';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { pushed } from '../core/interceptors/pushed-body.ts';
import type { Sink } from '../core/ports/call.ts';
import { StreamSink } from './stream-sink.ts';

const message = Buffer.alloc(1_000);

/** A sink whose client takes messages one by one, when it is asked to. */
function openSink() {
  const taken: (() => void)[] = [];
  const output = new Writable({ highWaterMark: 16_384, write: (_chunk, _encoding, next) => void taken.push(next) });
  const failures: unknown[] = [];
  const controller = new AbortController();
  const sink = new StreamSink({
    output,
    signal: controller.signal,
    stuckForMs: 0,
    write: (bytes) => output.write(bytes),
    ended: () => output.end(),
    failed: (error) => failures.push(error),
    stopped: () => {},
  });
  const takeAll = () => {
    for (let next = taken.shift(); next !== undefined; next = taken.shift()) next();
  };
  return { sink, output, failures, takeAll };
}

test('a pushed stream costs no promise per message, and its writer waits for the client', async () => {
  const { sink, output, takeAll } = openSink();
  let promises = 0;
  const own = new AsyncLocalStorage<true>(); // the test runner makes promises meanwhile to report the tests before
  const init = (_id: number, type: string) => {
    if (type === 'PROMISE' && own.getStore()) promises++;
  };
  const hook = createHook({ init });
  const total = 5_000;
  let written = 0;
  let waitingMost = 0;
  const write = (to: Sink) => {
    for (let hasRoom = true; hasRoom; ) {
      if (written === total) return to.end();
      written++;
      hasRoom = to.write(message);
      waitingMost = Math.max(waitingMost, output.writableLength);
    }
    to.onRoom(() => write(to));
  };
  hook.enable();
  own.enterWith(true);
  pushed(write)(sink);
  const finished = once(output, 'finish');
  const timer = setInterval(takeAll, 0);
  await finished;
  clearInterval(timer);
  hook.disable();
  assert.equal(written, total);
  assert.ok(waitingMost <= 17_000, `${waitingMost} bytes waited`);
  assert.ok(promises < total / 25, `${promises} promises for ${total} messages`);
});

test('a writer that goes on although its sink is full loses its stream at the budget of bytes', () => {
  const { sink, output, failures } = openSink();
  for (let n = 0; n < 5_000; n++) sink.write(message);
  assert.equal(failures.length, 1);
  assert.match(String(failures[0]), /its sink was full/);
  assert.ok(output.writableLength <= 1_048_576 + message.length, `${output.writableLength} bytes wait`);
});
