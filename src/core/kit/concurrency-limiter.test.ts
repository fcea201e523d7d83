import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openLimiter } from './concurrency-limiter.ts';

test('whoever gives up waits no more, takes nobody’s turn, and is never run', async () => {
  const limiter = openLimiter(1);
  const started: string[] = [];
  const none = new AbortController().signal;
  const work = (name: string, signal: AbortSignal) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const done = limiter(() => {
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

test('what would wait beyond the bound is refused, and the others keep their turns', async () => {
  const limiter = openLimiter(1, { waitingMax: 1, tooMany: () => new Error('too many') });
  const { promise, resolve } = Promise.withResolvers<string>();
  const first = limiter(() => promise);
  const second = limiter(async () => 'second');
  await assert.rejects(
    limiter(async () => 'third'),
    /too many/,
  );
  resolve('first');
  assert.deepEqual(await Promise.all([first, second]), ['first', 'second']);
  assert.equal(await limiter(async () => 'fourth'), 'fourth');
});
