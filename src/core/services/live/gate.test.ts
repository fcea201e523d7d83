import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openGate } from './gate.ts';

test('whoever gives up waits no more, takes nobody’s turn, and is never run', async () => {
  const gate = openGate(1);
  const started: string[] = [];
  const none = new AbortController().signal;
  const work = (name: string, signal: AbortSignal) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const done = gate(() => {
      started.push(name);
      return promise;
    }, signal);
    return { done, end: resolve };
  };
  const first = work('first', none);
  const leaving = new AbortController();
  const left = Array.from({ length: 1_000 }, (_, i) => work(`left ${i}`, leaving.signal));
  const last = work('last', none);
  leaving.abort(new Error('gave up'));
  // at once, and not only when their turn comes
  for (const { done } of left) await assert.rejects(done, /gave up/);
  const late = work('late', leaving.signal);
  await assert.rejects(late.done, /gave up/);
  assert.deepEqual(started, ['first']);
  first.end();
  await first.done;
  last.end();
  await last.done;
  const next = work('next', none);
  next.end();
  await next.done;
  assert.deepEqual(started, ['first', 'last', 'next']);
});
