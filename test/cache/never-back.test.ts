// Fresh answers from memory never go back: what could store a second answer beside one that is still fresh in another replica's memory.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryCacheStore } from '../../src/core/adapters/memory/cache-store.ts';
import { memoryLeases } from '../../src/core/adapters/memory/leases.ts';
import { memoryTagVersions } from '../../src/core/adapters/memory/tag-versions.ts';
import { Fault } from '../../src/core/kit/fault.ts';
import { StoreDown } from '../../src/core/kit/store-down.ts';
import { planOf, readyCall } from '../support/cache/ready-call.ts';
import { fakeClock } from '../support/time/clock.ts';
import { cameBy, computation, lastRevision, openTestCache } from './open.ts';

const plan = planOf('GetItem', { ttlMs: 10_000, staleWhileRevalidateMs: 0, staleIfErrorMs: 0 });
const call = () => readyCall(plan, { user: 'ada', request: { itemId: '7' } });

test('who cannot see whether another replica has stored an answer stores none beside it', async () => {
  const clock = fakeClock();
  const leases = memoryLeases(clock);
  const store = memoryCacheStore({ bytesMax: 1_000_000, leases });
  const versions = memoryTagVersions({ clock });
  let unread = 0;
  const get = (key: string) => (unread-- > 0 ? Promise.reject(new StoreDown('timeout', 'no answer')) : store.get(key));
  const one = openTestCache({ clock, versions, shared: { store, leases } });
  const other = openTestCache({ clock, versions, shared: { store: { ...store, get }, leases } });
  const compute = computation();
  await one.cache.answer(call(), compute);
  unread = 2; // before the flight, and when it has the lease
  assert.equal(cameBy(await other.cache.answer(call(), compute)), 'miss 2');
  assert.deepEqual([other.counts.notStored.store_down, other.counts.notStored.lease_over], [1, 0]);
  assert.deepEqual([cameBy(await one.cache.answer(call(), compute)), cameBy(await other.cache.answer(call(), compute))], ['hit 1', 'hit 1']);
});

test('a slow stream does not replace what was begun after it', async () => {
  const { cache, clock } = openTestCache();
  const slow = computation({}, { held: true });
  const compute = computation();
  const late = lastRevision(cache.answerStream(plan, call(), slow));
  await clock.advance(5);
  await cache.invalidate(['item:7']);
  await cache.answer(call(), compute);
  assert.equal(cameBy(await cache.answer(call(), compute)), 'hit 1');
  await cache.answer(call(), compute);
  slow.release();
  assert.equal(await late, 1);
  await cache.answer(call(), computation());
  assert.deepEqual([cameBy(await cache.answer(call(), compute)), compute.seen.length], ['hit 1', 1]);
});

test("a stream's computation has the time of its policy, so that it outlives no lease", async () => {
  const { cache, clock } = openTestCache();
  const held = computation({}, { held: true });
  const stream = lastRevision(cache.answerStream(plan, call(), held));
  stream.catch(() => {});
  await clock.advance(1);
  await clock.advance(1_000);
  await assert.rejects(stream, (error) => error instanceof Fault && error.reason === 'DEADLINE_EXCEEDED');
  assert.equal(held.seen[0]?.signal.aborted, true);
});

test('a clock that is set back makes nothing fresh for longer: what seems to be of the future is computed anew', async () => {
  const running = fakeClock();
  let backMs = 0;
  const clock = { ...running, nowMs: () => running.nowMs() - backMs };
  const { cache } = openTestCache({ clock, versions: memoryTagVersions({ clock }) });
  const compute = computation();
  await cache.answer(call(), compute);
  backMs = 3_600_000;
  assert.equal(cameBy(await cache.answer(call(), compute)), 'miss 2');
  assert.equal(cameBy(await cache.answer(call(), compute)), 'hit 2');
  await running.advance(10_001);
  assert.equal(cameBy(await cache.answer(call(), compute)), 'miss 3');
});
