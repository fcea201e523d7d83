// A shared store that takes an answer after the call has stopped waiting: the answer is stored nevertheless, and a
// watch waits for that instead of computing once more.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryCacheStore } from '../../src/core/adapters/memory/cache-store.ts';
import { memoryLeases } from '../../src/core/adapters/memory/leases.ts';
import { memoryTagVersions } from '../../src/core/adapters/memory/tag-versions.ts';
import { StoreDown } from '../../src/core/kit/store-down.ts';
import type { Answer } from '../../src/core/ports/call.ts';
import type { Watched } from '../../src/core/ports/watched.ts';
import { planOf, readyCall } from '../support/cache/ready-call.ts';
import { fakeClock } from '../support/time/clock.ts';
import { cameBy, computation, openTestCache } from './open.ts';

const plan = planOf('GetItem', { ttlMs: 60_000, staleWhileRevalidateMs: 0, staleIfErrorMs: 0 });
const callOf = (itemId: string) => readyCall(plan, { user: 'ada', request: { itemId } });

/** How the last two questions about an answer go: whether it still holds, and storing it. */
type Storing = 'takes 200 ms' | 'is not answered at first' | 'is never answered';

function opened(storing: Storing) {
  const clock = fakeClock();
  const leases = memoryLeases(clock);
  const inner = memoryTagVersions({ clock });
  const store = memoryCacheStore({ bytesMax: 1_000_000, leases });
  const asked = new Map<string, number>();
  const slowly = async <T>(question: string, ask: () => T | Promise<T>): Promise<T> => {
    const before = asked.get(question) ?? 0;
    asked.set(question, before + 1);
    await new Promise<void>((resolve) => clock.after(storing === 'takes 200 ms' ? 200 : 20, resolve));
    if (storing === 'is never answered' || (storing === 'is not answered at first' && before < 2))
      throw new StoreDown('timeout', 'It did not answer.');
    return ask();
  };
  const { cache, counts } = openTestCache({
    clock,
    versions: { ...inner, keep: (...words) => slowly(`keep ${words[0]}`, () => inner.keep(...words)) },
    shared: { store: { ...store, set: (...words) => slowly(`set ${words[0]}`, () => store.set(...words)) }, leases },
  });
  const pass = async (ms: number) => {
    for (let i = 0; i < ms; i += 5) await clock.advance(5);
  };
  return { cache, counts, clock, pass };
}

for (const storing of ['takes 200 ms', 'is not answered at first'] as const) {
  test(`storing ${storing}: a watched answer is verified and stored, and computed once`, async () => {
    const { cache, counts, pass } = opened(storing);
    const compute = computation();
    const ids = Array.from({ length: 20 }, (_, i) => String(i));
    const asked = Promise.all(ids.map((id) => cache.answerWatched(callOf(id), compute)));
    await pass(1_500);
    for (const { watched } of (await asked) as (Answer & { readonly watched: Watched })[])
      assert.deepEqual([watched.verified, watched.freshForMs !== undefined, await watched.isCurrent()], [true, true, true]);
    for (const id of ids) {
      const { watched } = (await cache.answerWatched(callOf(id), compute)) as Answer & { readonly watched: Watched };
      assert.equal(watched.verified, true);
      assert.match(cameBy(await cache.answer(callOf(id), compute)), /^hit /);
    }
    assert.equal(compute.seen.length, ids.length);
    assert.equal(counts.notStored.store_down, 0);
  });

  test(`storing ${storing}: a call is answered before, and the next one by what is stored`, async () => {
    const { cache, clock, pass } = opened(storing);
    const compute = computation();
    const beganMs = clock.nowMs();
    let tookMs = Number.POSITIVE_INFINITY;
    const first = cache.answer(callOf('7'), compute).then((answer) => {
      tookMs = clock.nowMs() - beganMs;
      return answer;
    });
    await pass(1_500);
    assert.equal(cameBy(await first), 'miss 1');
    assert.ok(tookMs <= 60, `${tookMs} ms`); // 50, one more look, and the steps of the clock
    assert.equal(cameBy(await cache.answer(callOf('7'), compute)), 'hit 1');
  });

  test(`storing ${storing}: what is invalidated meanwhile is not stored`, async () => {
    const { cache, pass } = opened(storing);
    const compute = computation();
    const first = cache.answerWatched(callOf('7'), compute);
    await pass(20);
    await cache.invalidate(['item:7']);
    await pass(1_500);
    const { watched } = (await first) as Answer & { readonly watched: Watched };
    assert.deepEqual([watched.verified, watched.freshForMs], [false, undefined]);
    const next = cache.answer(callOf('7'), compute);
    await pass(60);
    assert.equal(cameBy(await next), 'miss 2');
  });
}

test('storing is never answered: it is given up, counted once, and the next call computes without waiting for the lease', async () => {
  const { cache, counts, pass } = opened('is never answered');
  const compute = computation();
  const watching = cache.answerWatched(callOf('7'), compute);
  await pass(1_500);
  const { watched } = (await watching) as Answer & { readonly watched: Watched };
  assert.deepEqual([watched.verified, watched.freshForMs], [false, undefined]);
  assert.equal(counts.notStored.store_down, 1);
  const next = cache.answer(callOf('7'), compute);
  await pass(60);
  assert.equal(cameBy(await next), 'miss 2');
});

test('an answer for a watch that could not be verified has no fresh time: it is asked for again', async () => {
  const clock = fakeClock();
  const inner = memoryTagVersions({ clock });
  let isDown = false;
  const standing: typeof inner.standing = (...words) => {
    if (isDown) return Promise.reject(new StoreDown('timeout', 'It did not answer.'));
    return inner.standing(...words);
  };
  const { cache } = openTestCache({ clock, versions: { ...inner, standing } });
  const compute = computation({}, { held: true });
  const older = cache.answer(callOf('7'), compute);
  await clock.advance(1);
  const joining = cache.answerWatched(callOf('7'), compute); // of a computation that began before it
  await clock.advance(1);
  isDown = true;
  compute.release();
  await older;
  const joined = (await joining) as Answer & { readonly watched: Watched };
  assert.deepEqual([joined.watched.verified, joined.watched.freshForMs], [false, undefined]);
  isDown = false;
  const again = (await cache.answerWatched(callOf('7'), compute)) as Answer & { readonly watched: Watched };
  assert.deepEqual([again.watched.verified, again.watched.freshForMs !== undefined, compute.seen.length], [true, true, 1]);
});
