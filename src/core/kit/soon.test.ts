import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Soon, settled } from './soon.ts';

const settle = (make: () => Soon<number>) =>
  settled(
    make,
    (value) => `got ${value}`,
    (error) => `failed: ${(error as Error).message}`,
  );

test('a value that is available at once continues at once, and so does an error', () => {
  assert.equal(
    settle(() => 7),
    'got 7',
  );
  assert.equal(
    settle(() => {
      throw new Error('no');
    }),
    'failed: no',
  );
});

test('a promised value continues when it is resolved', async () => {
  const coming = settle(() => Promise.resolve(7));
  assert.ok(coming instanceof Promise);
  assert.equal(await coming, 'got 7');
  assert.equal(await settle(() => Promise.reject(new Error('no'))), 'failed: no');
});
