// What the cache does while the store that replicas share is gone, slow, or another one than before.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryCacheStore } from '../../src/core/adapters/memory/cache-store.ts';
import { memoryLeases } from '../../src/core/adapters/memory/leases.ts';
import { memoryTagVersions } from '../../src/core/adapters/memory/tag-versions.ts';
import { Fault } from '../../src/core/kit/fault.ts';
import { StoreDown } from '../../src/core/kit/store-down.ts';
import type { TagVersions } from '../../src/core/ports/tag-versions.ts';
import { planOf, readyCall } from '../support/cache/ready-call.ts';
import { fakeClock } from '../support/time/clock.ts';
import { cameBy, computation, lastRevision, openTestCache } from './open.ts';

const plan = planOf('GetItem', { ttlMs: 10_000, staleWhileRevalidateMs: 0, staleIfErrorMs: 0 });
const call = () => readyCall(plan, { user: 'ada', request: { itemId: '7' } });

/** Versions that can be made to fail or hang. */
function opened({ generation = () => 'g1' }: { generation?: () => string | undefined } = {}) {
  const clock = fakeClock();
  const inner = memoryTagVersions({ clock });
  const state: { is: 'up' | 'down' | 'hung' } = { is: 'up' };
  const asked = <T>(ask: () => T | Promise<T>): Promise<T> => {
    if (state.is === 'hung') return new Promise(() => {});
    return state.is === 'up' ? Promise.resolve(ask()) : Promise.reject(new StoreDown('gone', 'gone'));
  };
  const versions: TagVersions = {
    standing: (...words) => asked(() => inner.standing(...words)),
    begin: (...words) => asked(() => inner.begin(...words)),
    keep: (...words) => asked(() => inner.keep(...words)),
    raise: (...words) => asked(() => inner.raise(...words)),
    raiseAll: () => asked(inner.raiseAll),
    raisedSince: (...words) => asked(() => inner.raisedSince(...words)),
  };
  const announced: string[] = [];
  const announce = (tags: readonly string[] | undefined) => void announced.push(...(tags ?? ['everything']));
  const { cache, counts } = openTestCache({ clock, versions, generation, keepMs: 60_000, announce });
  return { cache, clock, counts, state, inner, announced };
}

test('a remembered answer within its time is served as stale when its versions cannot be asked, never as fresh', async () => {
  const { cache, counts, state } = opened();
  const compute = computation();
  await cache.answer(call(), compute);
  state.is = 'down';
  const answer = await cache.answer(call(), compute);
  assert.deepEqual([cameBy(answer), answer.metadata.get('portico-stale')], ['stale 1', '0']);
  assert.equal(counts.storeFailures.down, 1);
  state.is = 'up';
  assert.equal(cameBy(await cache.answer(call(), compute)), 'hit 1');
});

test('a store that hangs is waited for 50 ms and one more look, in all questions of a call together', async () => {
  const { cache, clock, counts, state } = opened();
  const compute = computation();
  await cache.answer(call(), compute);
  state.is = 'hung';
  const answer = cache.answer(call(), compute);
  let answered = false;
  void answer.then(() => {
    answered = true;
  });
  await clock.advance(50);
  assert.equal(answered, false);
  await clock.advance(1);
  assert.equal(cameBy(await answer), 'stale 1');
  assert.equal(counts.storeFailures.slow, 1);
});

test('what is not remembered is computed and not stored; who joins meanwhile gets it as stale', async () => {
  const { cache, counts, state } = opened();
  state.is = 'down';
  const compute = computation();
  const both = await Promise.all([cache.answer(call(), compute), cache.answer(call(), compute)]);
  assert.deepEqual(both.map(cameBy), ['miss 1', 'stale 1']);
  assert.equal(cameBy(await cache.answer(call(), compute)), 'miss 2');
  assert.equal(counts.notStored.store_down, 2);
});

test('answers of another generation of the store are not believed, and those of an unknown one are stale', async () => {
  let generation: string | undefined = 'g1';
  const { cache } = opened({ generation: () => generation });
  const compute = computation();
  await cache.answer(call(), compute);
  generation = undefined;
  assert.equal(cameBy(await cache.answer(call(), compute)), 'stale 1');
  generation = 'g2';
  assert.equal(cameBy(await cache.answer(call(), compute)), 'miss 2');
  assert.equal(cameBy(await cache.answer(call(), compute)), 'hit 2');
});

test('a store that failed over while it was asked is not believed either', async () => {
  let generation = 'g1';
  const { cache, clock } = openTestCacheWith((inner) => ({
    ...inner,
    standing: async (...words) => {
      const standing = await inner.standing(...words);
      if (failsOver) generation = 'g2';
      return standing;
    },
  }));
  let failsOver = false;
  function openTestCacheWith(change: (inner: TagVersions) => TagVersions) {
    const clock = fakeClock();
    return openTestCache({ clock, versions: change(memoryTagVersions({ clock })), generation: () => generation });
  }
  const compute = computation();
  await cache.answer(call(), compute);
  await clock.advance(1);
  failsOver = true;
  assert.equal(cameBy(await cache.answer(call(), compute)), 'miss 2');
});

test('Invalidate says that it was not done; a write is answered, and told until it is done', async () => {
  const { cache, clock, counts, state, inner, announced } = opened();
  const compute = computation();
  await cache.answer(call(), compute);
  const before = await inner.begin(['item:7']);
  state.is = 'down';
  await assert.rejects(
    cache.invalidate(['item:7']),
    (error) => error instanceof Fault && error.reason === 'STORE_DOWN' && error.details.retryAfterMs === 1_000,
  );
  assert.equal(cameBy(await cache.answer(call(), compute)), 'stale 1', 'that was not invalidated');
  await cache.invalidateWritten(['item:7'], { soft: false });
  assert.equal(counts.pending.now, 1);
  assert.equal(cameBy(await cache.answer(call(), compute)), 'miss 2', 'what is still to be invalidated is not served');
  await clock.advance(2_000);
  assert.equal(counts.pending.now, 1);
  assert.deepEqual(announced, []);
  state.is = 'up';
  await clock.advance(500);
  assert.equal(counts.pending.now, 0);
  assert.equal(await inner.standing(['item:7'], before.versions), 'invalidated');
  assert.deepEqual(announced, ['item:7'], 'the others hear of it when it is true');
  cache.close();
});

test('an invalidation is kept no longer than the answers that it is about live, and no more than 10,000 tags are', async () => {
  const { cache, clock, counts, state } = opened();
  state.is = 'down';
  await cache.invalidateWritten(['item:7']);
  await clock.advance(60_500);
  assert.equal(counts.pending.now, 0);
  for (let i = 0; i < 200; i++) await cache.invalidateWritten(Array.from({ length: 64 }, (_, j) => `item:${i}:${j}`));
  assert.deepEqual(counts.pending, { now: 10_000, dropped: 2_800 });
  cache.close();
});

test('a replica that died with the lease is waited for half of the time, then the answer is computed here and not stored', async () => {
  const clock = fakeClock();
  const leases = memoryLeases(clock);
  const shared = { store: memoryCacheStore({ bytesMax: 1_000_000, leases }), leases: { ...leases, take: () => undefined, held: () => true } };
  const { cache, counts } = openTestCache({ clock, shared });
  const compute = computation();
  const answer = cache.answer(call(), compute);
  for (let i = 0; i < 49; i++) await clock.advance(10);
  assert.equal(compute.seen.length, 0);
  for (let i = 0; i < 10; i++) await clock.advance(10);
  assert.equal(cameBy(await answer), 'miss 1');
  assert.equal(counts.notStored.lease_over, 1);
});

test('when the other replica fails, this one computes as soon as the lease is free', async () => {
  const clock = fakeClock();
  const leases = memoryLeases(clock);
  const shared = { store: memoryCacheStore({ bytesMax: 1_000_000, leases }), leases };
  const versions = memoryTagVersions({ clock });
  const [one, other] = [openTestCache({ clock, shared, versions }), openTestCache({ clock, shared, versions })];
  const failing = computation(
    () => {
      throw new Error('failed');
    },
    { held: true },
  );
  const compute = computation();
  const failed = one.cache.answer(call(), failing);
  failed.catch(() => {});
  await clock.advance(1);
  const answer = other.cache.answer(call(), compute);
  await clock.advance(100);
  assert.equal(compute.seen.length, 0, 'it waits');
  failing.release();
  await clock.advance(60);
  assert.equal(cameBy(await answer), 'miss 1');
  await assert.rejects(failed);
});

test('a stream form computes for all replicas: who asks another one meanwhile waits for it, and gets what it stored', async () => {
  const clock = fakeClock();
  const leases = memoryLeases(clock);
  const shared = { store: memoryCacheStore({ bytesMax: 1_000_000, leases }), leases };
  const versions = memoryTagVersions({ clock });
  const [one, other] = [openTestCache({ clock, shared, versions }), openTestCache({ clock, shared, versions })];
  const compute = computation();
  assert.equal(await lastRevision(one.cache.answerStream(plan, call(), compute)), 1);
  assert.equal(cameBy(await other.cache.answer(call(), compute)), 'hit 1');
  await one.cache.invalidate(['item:7']);
  const held = computation({}, { held: true });
  const slow = lastRevision(one.cache.answerStream(plan, call(), held));
  await clock.advance(5);
  const meanwhile = other.cache.answer(call(), compute);
  await clock.advance(50);
  held.release();
  await clock.advance(60);
  assert.equal(await slow, 1);
  assert.equal(cameBy(await meanwhile), 'coalesced 1');
  assert.equal(compute.seen.length, 1);
});
