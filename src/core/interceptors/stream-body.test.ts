import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keptSink } from '../../../test/support/kept-sink.ts';
import type { PushedBody } from '../ports/call.ts';
import { pulled, pushed } from './stream-body.ts';

const bytes = (n: number) => Uint8Array.of(n);
const numbers = async (body: AsyncIterable<Uint8Array>) => {
  const read: number[] = [];
  for await (const [n = -1] of body) read.push(n);
  return read;
};
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('what is pushed is read in order, and its end is the end', async () => {
  const body: PushedBody = (sink) => {
    sink.write(bytes(1));
    setImmediate(() => {
      sink.write(bytes(2));
      sink.write(bytes(3));
      sink.end();
      sink.write(bytes(4));
    });
  };
  assert.deepEqual(await numbers(pulled(body, new AbortController().signal)), [1, 2, 3]);
});

test('an error comes after the messages before it, thrown or said', async () => {
  const failing: PushedBody[] = [
    (sink) => {
      sink.write(bytes(1));
      sink.fail(new Error('broken'));
    },
    (sink) => {
      sink.write(bytes(1));
      throw new Error('broken');
    },
  ];
  for (const body of failing) {
    const messages = pulled(body, new AbortController().signal)[Symbol.asyncIterator]();
    assert.deepEqual(await messages.next(), { done: false, value: bytes(1) });
    await assert.rejects(messages.next(), /broken/);
  }
});

test('a writer learns when its reader is full and when there is room again', async () => {
  let written = 0;
  const body: PushedBody = (sink) => {
    const write = () => {
      while (written < 100) if (!sink.write(bytes(written++))) return sink.onRoom(write);
      sink.end();
    };
    write();
  };
  const messages = pulled(body, new AbortController().signal)[Symbol.asyncIterator]();
  await messages.next();
  assert.ok(written < 30, `${written} messages were written for one that was read`);
  assert.deepEqual((await numbers({ [Symbol.asyncIterator]: () => messages })).length, 99);
});

test('a writer that goes on although its reader is full loses the stream', async () => {
  const body: PushedBody = (sink) => {
    for (let n = 0; n < 5_000; n++) sink.write(bytes(0));
  };
  await assert.rejects(numbers(pulled(body, new AbortController().signal)), /went on although its sink was full/);
});

test('the writer sees that its reader has left, and a reader that the call is over', async () => {
  const signals: AbortSignal[] = [];
  const body: PushedBody = (sink) => {
    signals.push(sink.signal);
    sink.write(bytes(1));
  };
  for await (const _ of pulled(body, new AbortController().signal)) break;
  assert.equal(signals[0]?.aborted, true);
  const call = new AbortController();
  const messages = pulled(body, call.signal)[Symbol.asyncIterator]();
  await messages.next();
  const waiting = messages.next();
  call.abort(new Error('time is over'));
  await assert.rejects(waiting, /time is over/);
});

test('what is asked for is written no faster than there is room', async () => {
  let asked = 0;
  async function* messages() {
    try {
      for (; asked < 5; asked++) yield bytes(asked);
    } finally {
      asked += 100;
    }
  }
  const { sink, got, empty, leave } = keptSink(2);
  pushed(messages())(sink);
  for (let i = 0; i < 5; i++) await turn();
  assert.deepEqual(got, [0, 1]);
  empty();
  for (let i = 0; i < 5; i++) await turn();
  assert.deepEqual(got, [0, 1, 2, 3]);
  leave();
  await turn();
  assert.ok(asked >= 100, 'the source was not closed');
  assert.deepEqual(got, [0, 1, 2, 3, 'end'], 'that it has stopped is said, and nothing else');
});

test('how a source ends is how its sink ends', async () => {
  async function* broken() {
    yield bytes(1);
    throw new Error('broken');
  }
  async function* whole() {
    yield bytes(1);
  }
  for (const [body, last] of [
    [broken(), 'fail broken'],
    [whole(), 'end'],
  ] as const) {
    const { sink, got } = keptSink();
    pushed(body)(sink);
    for (let i = 0; i < 5; i++) await turn();
    assert.deepEqual(got, [1, last]);
  }
});
