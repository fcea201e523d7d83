import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keptSink } from '../../../test/support/kept-sink.ts';
import type { PushedBody } from '../ports/call.ts';
import { pushed } from './pushed-body.ts';

const bytes = (n: number) => Uint8Array.of(n);
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('what is pushed goes on as it is; what a writer throws is the end of its stream', () => {
  const whole: PushedBody = (sink) => {
    sink.write(bytes(1));
    sink.end();
  };
  const failing: PushedBody = (sink) => {
    sink.write(bytes(1));
    throw new Error('broken');
  };
  for (const [body, last] of [
    [whole, 'end'],
    [failing, 'fail broken'],
  ] as const) {
    const { sink, got } = keptSink();
    pushed(body)(sink);
    assert.deepEqual(got, [1, last]);
  }
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
