// A shared store that takes an answer after the call has stopped waiting: the answer is stored nevertheless, and a
// watch waits for that instead of computing once more.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryCacheStore } from '../../src/core/adapters/memory/cache-store.ts';
import { memoryLeases } from '../../src/core/adapters/memory/leases.ts';
import { memoryTagVersions } from '../../src/core/adapters/memory/tag-versions.ts';
import { StoreDown, type StoreDownWhy } from '../../src/core/kit/store-down.ts';
import type { Answer } from '../../src/core/ports/call.ts';
import type { Watched } from '../../src/core/ports/watched.ts';
import { planOf, readyCall } from '../support/cache/ready-call.ts';
import { fakeClock } from '../support/time/clock.ts';
import { cameBy, computation, openTestCache } from './open.ts';

const plan = planOf('GetItem', { ttlMs: 60_000, staleWhileRevalidateMs: 0, staleIfErrorMs: 0 });
const callOf = (itemId: string, user = 'ada') => readyCall(plan, { user, request: { itemId } });

/** How the last two questions about an answer go: whether it still holds, and storing it. */
type Storing = {
  /** Of each of both. Milliseconds. */
  readonly takesMs: number;
  /** How often at first there is no reply. */
  readonly keepFails?: number;
  readonly setFails?: number;
  /** What is not answered is done all the same. */
  readonly isDone?: boolean;
  readonly why?: StoreDownWhy;
};

function opened({ takesMs, keepFails = 0, setFails = 0, isDone = false, why = 'timeout' }: Storing) {
  const clock = fakeClock();
  const leases = memoryLeases(clock);
  const inner = memoryTagVersions({ clock });
  const store = memoryCacheStore({ bytesMax: 1_000_000_000, leases });
  const asked = new Map<string, number>();
  const slowly = async <T>(question: string, fails: number, ask: () => T | Promise<T>): Promise<T> => {
    const before = asked.get(question) ?? 0;
    asked.set(question, before + 1);
    await new Promise<void>((resolve) => clock.after(takesMs, resolve));
    if (before >= fails) return ask();
    if (isDone) await ask();
    throw new StoreDown(why, 'It did not answer.');
  };
  const { cache, counts } = openTestCache({
    clock,
    scopeBytesMax: 1_000_000_000,
    versions: { ...inner, keep: (...words) => slowly(`keep ${words[0].join()}`, keepFails, () => inner.keep(...words)) },
    shared: { store: { ...store, set: (...words) => slowly(`set ${words[0]}`, setFails, () => store.set(...words)) }, leases },
  });
  const pass = async (ms: number) => {
    for (let i = 0; i < ms; i += 5) await clock.advance(5);
  };
  const watch = async (compute: ReturnType<typeof computation>, itemId = '7') =>
    ((await cache.answerWatched(callOf(itemId), compute)) as Answer & { readonly watched: Watched }).watched;
  return { cache, counts, clock, asked, pass, watch };
}

const taken: Readonly<Record<string, Storing>> = {
  'takes 200 ms': { takesMs: 200 },
  'is asked at first in vain whether the answer holds': { takesMs: 20, keepFails: 1 },
  'does not take it at first': { takesMs: 20, setFails: 1 },
  'takes it, and the reply is lost': { takesMs: 20, setFails: 1, isDone: true },
  'is being moved at first': { takesMs: 20, setFails: 1, why: 'moving' },
};

for (const [name, storing] of Object.entries(taken)) {
  test(`a store that ${name}: a watched answer is verified and stored, and computed once`, async () => {
    const { cache, counts, pass, watch } = opened(storing);
    const compute = computation();
    const ids = Array.from({ length: 20 }, (_, i) => String(i));
    const asked = Promise.all(ids.map((id) => watch(compute, id)));
    await pass(1_500);
    for (const watched of await asked)
      assert.deepEqual([watched.verified, watched.freshForMs !== undefined, await watched.isCurrent()], [true, true, true]);
    for (const id of ids) {
      assert.equal((await watch(compute, id)).verified, true);
      assert.match(cameBy(await cache.answer(callOf(id), compute)), /^hit /);
    }
    assert.equal(compute.seen.length, ids.length);
    assert.deepEqual([counts.notStored.store_down, counts.notStored.lease_over], [0, 0]);
  });

  test(`a store that ${name}: a call is answered before, and the next one by what is stored`, async () => {
    const { cache, clock, pass } = opened(storing);
    const compute = computation();
    const beganMs = clock.nowMs();
    let tookMs = Number.POSITIVE_INFINITY;
    const first = cache.answer(callOf('7'), compute).then((answer) => {
      tookMs = clock.nowMs() - beganMs;
      return answer;
    });
    await pass(60);
    const second = cache.answer(callOf('7'), compute); // waits for what the first stores, if that is not done yet
    await pass(1_500);
    assert.equal(cameBy(await first), 'miss 1');
    assert.ok(tookMs <= 60, `${tookMs} ms`); // 50, one more look, and the steps of the clock
    assert.match(cameBy(await second), /^(hit|coalesced) 1$/);
    assert.equal(cameBy(await cache.answer(callOf('7'), compute)), 'hit 1');
  });
}

for (const name of ['takes 200 ms', 'is asked at first in vain whether the answer holds'] as const)
  test(`a store that ${name}: what is invalidated meanwhile is not stored`, async () => {
    const { cache, pass, watch } = opened(taken[name] as Storing);
    const compute = computation();
    const first = watch(compute);
    await pass(15);
    await cache.invalidate(['item:7']);
    await pass(1_500);
    const watched = await first;
    assert.deepEqual([watched.verified, watched.freshForMs], [false, undefined]);
    const next = cache.answer(callOf('7'), compute);
    await pass(60);
    assert.equal(cameBy(await next), 'miss 2');
  });

for (const [name, tries, storing] of [
  ['never answers', 2, { takesMs: 20, keepFails: 1_000 }],
  ['has no memory left', 1, { takesMs: 20, keepFails: 1_000, why: 'full' }],
] as const)
  test(`a store that ${name}: it is asked ${tries} times, counted once, and the next call computes without waiting for the lease`, async () => {
    const { cache, counts, asked, pass, watch } = opened(storing);
    const compute = computation();
    const watching = watch(compute);
    await pass(1_500);
    const watched = await watching;
    assert.deepEqual([watched.verified, watched.freshForMs], [false, undefined]);
    assert.equal(counts.notStored.store_down, 1);
    assert.deepEqual([...asked.values()], [tries]);
    const next = cache.answer(callOf('7'), compute);
    await pass(60);
    assert.equal(cameBy(await next), 'miss 2');
  });

test('bodies that wait to be stored once more have a bound, of which one user has half', async () => {
  const { cache, counts, pass } = opened({ takesMs: 20, keepFails: 1 });
  const compute = computation({ body: new Uint8Array(1_048_576) });
  const read = (user: string, id: number) => cache.answer(callOf(`${user}-${id}`, user), compute);
  const greedy = Array.from({ length: 20 }, (_, i) => read('mallory', i));
  const other = read('ada', 1);
  await pass(1_500);
  await Promise.all([...greedy, other]);
  assert.equal(counts.notStored.store_down, 12, 'of 20 megabytes 8 wait');
  const again = read('ada', 1);
  await pass(100);
  assert.equal((await again).metadata.get('portico-cache'), 'hit');
});
