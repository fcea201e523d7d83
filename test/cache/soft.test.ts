import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNoopMeter } from '@opentelemetry/api';
import { Metadata } from 'nice-grpc-common';
import { invalidate } from '../../src/core/interceptors/invalidate-after-write.ts';
import { StatusError } from '../../src/core/kit/status-error.ts';
import type { RaiseOptions } from '../../src/core/ports/tag-versions.ts';
import { planOf, readyCall } from '../support/cache/ready-call.ts';
import { cameBy, computation, openTestCache } from './open.ts';

const plan = planOf('GetItem', { ttlMs: 10_000, staleWhileRevalidateMs: 5_000 });
const call = () => readyCall(plan, { user: 'ada', request: { itemId: '7' } });

test('after a soft invalidation the old answer is served as stale while a new one is computed', async () => {
  const { cache, clock } = openTestCache();
  const compute = computation({ tags: ['shelf:1'] });
  await cache.answer(call(), compute);
  await cache.invalidate(['shelf:1'], { soft: true });
  assert.equal(cameBy(await cache.answer(call(), compute)), 'stale 1');
  await clock.advance(1);
  assert.equal(cameBy(await cache.answer(call(), compute)), 'hit 2');
});

test('where a policy has no stale_while_revalidate, a soft invalidation is like any other', async () => {
  const strict = planOf('GetItem', { ttlMs: 10_000, staleWhileRevalidateMs: 0 });
  const { cache } = openTestCache();
  const compute = computation();
  const strictCall = () => readyCall(strict, { user: 'ada', request: { itemId: '7' } });
  await cache.answer(strictCall(), compute);
  await cache.invalidate(['item:7'], { soft: true });
  assert.equal(cameBy(await cache.answer(strictCall(), compute)), 'miss 2');
});

test('after a soft invalidation an old answer covers a failure only within stale_while_revalidate', async () => {
  const { cache, clock } = openTestCache();
  const long = planOf('GetItem', { ttlMs: 10_000, staleWhileRevalidateMs: 5_000, staleIfErrorMs: 60_000 });
  const longCall = () => readyCall(long, { user: 'ada', request: { itemId: '7' } });
  let down = false;
  const compute = computation(() => {
    if (down) throw new StatusError(14, 'down');
    return {};
  });
  await cache.answer(longCall(), compute);
  down = true;
  await clock.advance(16_000);
  assert.equal(cameBy(await cache.answer(longCall(), compute)), 'stale 1');
  await cache.invalidate(['item:7'], { soft: true });
  await assert.rejects(cache.answer(longCall(), compute), { code: 14 });
});

test('a soft invalidation seals flights: who comes later gets no older answer as fresh', async () => {
  const { cache, clock } = openTestCache();
  const compute = computation({}, { held: true });
  const before = cache.answer(call(), compute);
  await clock.advance(1);
  await cache.invalidate(['item:7'], { soft: true });
  const after = cache.answer(call(), compute);
  await clock.advance(1);
  compute.release();
  assert.deepEqual([cameBy(await before), cameBy(await after)], ['miss 1', 'miss 2']);
});

test('while a tag settles answers are shared by those who ask at once, and not stored', async () => {
  const { cache, clock, counts } = openTestCache();
  const compute = computation({ tags: ['shelf:1'] });
  await cache.invalidate(['item:7'], { settleMs: 2_000 });
  const both = await Promise.all([cache.answer(call(), compute), cache.answer(call(), compute)]);
  assert.deepEqual(both.map(cameBy), ['miss 1', 'coalesced 1']);
  assert.equal(cameBy(await cache.answer(call(), compute)), 'miss 2');
  await cache.invalidate(['shelf:1'], { settleMs: 3_000 });
  await clock.advance(2_000);
  assert.equal(cameBy(await cache.answer(call(), compute)), 'miss 3', 'a tag that only the computation knows settles, too');
  assert.equal(counts.notStored.settling, 3);
  await clock.advance(1_001);
  await cache.answer(call(), compute);
  assert.equal(cameBy(await cache.answer(call(), compute)), 'hit 4');
});

test("a write's policy says whether it invalidates softly, and how long to settle", async () => {
  const told: (RaiseOptions | undefined)[] = [];
  const interceptor = invalidate({ invalidate: async (_tags, options) => void told.push(options), meter: createNoopMeter() });
  const write = { ...planOf('GetItem'), invalidates: [{ source: 'items', parts: [{ text: 'items' }] }], soft: true, settleMs: 5_000 };
  await interceptor({ ...call(), plan: write }, async () => ({ metadata: Metadata(), body: new Uint8Array(), trailers: Metadata() }));
  assert.deepEqual(told, [{ soft: true, settleMs: 5_000 }]);
});
