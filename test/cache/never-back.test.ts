// Fresh answers from memory never go back: what could store a second answer beside one that is still fresh in another replica's memory.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryCacheStore } from '../../src/core/adapters/memory/cache-store.ts';
import { memoryLeases } from '../../src/core/adapters/memory/leases.ts';
import { memoryTagVersions } from '../../src/core/adapters/memory/tag-versions.ts';
import { StoreDown } from '../../src/core/kit/store-down.ts';
import { fakeClock } from '../support/time/clock.ts';
import { planOf, readyCall } from '../support/cache/ready-call.ts';
import { cameBy, computation, openTestCache } from './open.ts';

const plan = planOf('GetItem', { ttlMs: 10_000, staleWhileRevalidateMs: 0, staleIfErrorMs: 0 });
const call = () => readyCall(plan, { user: 'ada', request: { itemId: '7' } });

test('who cannot see whether another replica has stored an answer stores none beside it', async () => {
  const clock = fakeClock();
  const leases = memoryLeases(clock);
  const store = memoryCacheStore({ bytesMax: 1_000_000, leases });
  const versions = memoryTagVersions({ clock, keepMs: 60_000 });
  let unread = 0;
  const get = (key: string) => (unread-- > 0 ? Promise.reject(new StoreDown('timeout', 'no answer')) : store.get(key));
  const one = openTestCache({ clock, versions, shared: { store, leases } });
  const other = openTestCache({ clock, versions, shared: { store: { ...store, get }, leases } });
  const compute = computation();
  await one.cache.answer(call(), compute);
  unread = 2; // before the flight, and when it has the lease
  assert.equal(cameBy(await other.cache.answer(call(), compute)), 'miss 2');
  assert.equal(other.counts.notStored.lease_over, 1);
  assert.deepEqual([cameBy(await one.cache.answer(call(), compute)), cameBy(await other.cache.answer(call(), compute))], ['hit 1', 'hit 1']);
});

test('in one process a slow stream does not replace what was begun after it', async () => {
  const { cache, clock } = openTestCache();
  const compute = computation();
  const slow = await cache.open(plan, call());
  assert.ok(slow.hit === undefined);
  const late = await compute(slow.call);
  await clock.advance(5);
  assert.equal(cameBy(await cache.answer(call(), compute)), 'miss 2');
  await clock.advance(5);
  await slow.offer(late);
  assert.equal(cameBy(await cache.answer(call(), compute)), 'hit 2');
});

test('a stream that took longer than an answer lives stores nothing: a newer one may have come and gone meanwhile', async () => {
  const clock = fakeClock();
  const leases = memoryLeases(clock);
  const shared = { store: memoryCacheStore({ bytesMax: 1_000_000, leases }), leases };
  const { cache, counts } = openTestCache({ clock, shared, versions: memoryTagVersions({ clock, keepMs: 60_000 }) });
  const compute = computation();
  for (const [ms, stored] of [
    [9_000, 0],
    [8_000, 1],
  ] as const) {
    const slow = await cache.open(plan, call());
    assert.ok(slow.hit === undefined);
    const late = await compute(slow.call);
    await clock.advance(ms);
    await slow.offer(late);
    const answer = await cache.answer(call(), computation());
    assert.equal(answer.metadata.get('portico-cache'), stored === 1 ? 'hit' : 'miss');
    await cache.invalidate(['item:7']);
  }
  assert.equal(counts.notStored.lease_over, 1);
});

test('a clock that is set back makes nothing fresh for longer: what seems to be of the future is computed anew', async () => {
  const running = fakeClock();
  let backMs = 0;
  const clock = { ...running, nowMs: () => running.nowMs() - backMs };
  const { cache } = openTestCache({ clock, versions: memoryTagVersions({ clock, keepMs: 3_600_000 }) });
  const compute = computation();
  await cache.answer(call(), compute);
  backMs = 3_600_000;
  assert.equal(cameBy(await cache.answer(call(), compute)), 'miss 2');
  assert.equal(cameBy(await cache.answer(call(), compute)), 'hit 2');
  await running.advance(10_001);
  assert.equal(cameBy(await cache.answer(call(), compute)), 'miss 3');
});
