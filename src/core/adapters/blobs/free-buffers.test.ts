// Contents that pass through the process, and the collections that free their buffers.
import assert from 'node:assert/strict';
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { test } from 'node:test';
import { until } from '../../../../test/support/time/until.ts';
import type { Blobs } from '../../ports/blobs.ts';
import { freeingBuffers } from './free-buffers.ts';

const mebibyte = Buffer.alloc(1_048_576);
const store: Partial<Blobs> = {
  blobBytesMax: 7,
  create: async () => ({ write: async () => {}, finish: async () => {}, abort: async () => {} }),
  read: async function* (_name, from, to) {
    for (let i = from; i < to; i++) yield mebibyte;
  },
};

test('what is written and read counts together, and is freed in bounded amounts', async () => {
  let collected = 0;
  const blobs = freeingBuffers(store as Blobs, () => collected++);
  assert.equal(blobs.blobBytesMax, 7);
  const writers = [await blobs.create('aa11/0-x'), await blobs.create('aa11/1-x')];
  for (let i = 1; i <= 30; i++) {
    await writers[i % 2]?.write(mebibyte);
    assert.equal(collected, Math.floor(i / 6));
  }
  let read = 0;
  for await (const _ of blobs.read('aa11/0-x', 0, 12)) read++;
  assert.deepEqual([read, collected], [12, 7]);
});

test('a collection is one of young objects, and the process does not get a global for it', async () => {
  const kinds: unknown[] = [];
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) kinds.push((entry as unknown as { readonly detail: { readonly kind: number } }).detail.kind);
  });
  observer.observe({ entryTypes: ['gc'] });
  const writer = await freeingBuffers(store as Blobs).create('aa11/0-x');
  for (let i = 0; i < 6; i++) await writer.write(mebibyte);
  await until('it is reported', () => kinds.includes(constants.NODE_PERFORMANCE_GC_MINOR)); // V8 may begin others meanwhile
  observer.disconnect();
  assert.equal(process.execArgv.includes('--expose-gc') || 'gc' in globalThis, process.execArgv.includes('--expose-gc'));
});
