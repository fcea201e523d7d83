// How long a call waits for the store that replicas share, on a clock that moves only when told: nothing here depends on how busy the machine is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryCacheStore } from '../../src/core/adapters/memory/cache-store.ts';
import { memoryLeases } from '../../src/core/adapters/memory/leases.ts';
import { memoryTagVersions } from '../../src/core/adapters/memory/tag-versions.ts';
import type { Lease, Leases } from '../../src/core/ports/leases.ts';
import { computation, lastRevision, openTestCache } from '../cache/open.ts';
import { slowLeases, slowStore, slowVersions } from '../cache/slow.ts';
import { planOf, readyCall } from '../support/cache/ready-call.ts';
import { fakeClock } from '../support/time/clock.ts';

const waitBudgetMs = 50;
/** Once it is used up the reply is looked for once more. */
const lastLookMs = 1;
const plan = planOf('GetItem', { ttlMs: 10_000, staleWhileRevalidateMs: 20_000, staleIfErrorMs: 60_000 });
const callOf = (itemId: string) => readyCall(plan, { user: 'ada', request: { itemId } });

/** Two replicas of one cluster whose shared store takes `store.takesMs` for each step; infinite: it hangs. */
function slowCluster() {
  const clock = fakeClock();
  const store = { takesMs: 0, asked: 0 };
  const step = async <T>(ask: () => T | Promise<T>): Promise<T> => {
    store.asked++;
    const { takesMs } = store;
    if (takesMs > 0) await new Promise<void>((resolve) => takesMs < Number.POSITIVE_INFINITY && clock.after(takesMs, resolve));
    return ask();
  };
  const leases = memoryLeases(clock);
  const taken: Lease[] = [];
  const noted: Leases = {
    ...leases,
    take: async (...asked) => {
      const lease = await leases.take(...asked);
      if (lease !== undefined) taken.push(lease);
      return lease;
    },
  };
  const shared = { store: slowStore(memoryCacheStore({ bytesMax: 1_000_000, leases }), step), leases: slowLeases(noted, step) };
  const versions = slowVersions(memoryTagVersions({ clock }), step);
  const open = () => openTestCache({ clock, shared, versions, generation: () => 'g' });
  /** Milliseconds until each is answered; they may fail as well. */
  const timed = async (calls: readonly Promise<unknown>[], mostMs = 1_000) => {
    const startMs = clock.nowMs();
    const took = calls.map(() => Number.POSITIVE_INFINITY);
    for (const [i, call] of calls.entries()) {
      const over = () => {
        took[i] = clock.nowMs() - startMs;
      };
      call.then(over, over);
    }
    for (let i = 0; i < mostMs; i++) await clock.advance(1);
    return took;
  };
  return { clock, store, leases, taken, open, timed };
}

for (const takesMs of [3, 8, 13, 17, 24, 26, 45, 49, 60, 200, Number.POSITIVE_INFINITY]) {
  test(`a shared store that takes ${takesMs} ms for each question costs no call more than ${waitBudgetMs} ms, whatever it has to ask`, async () => {
    const { clock, store, open, timed } = slowCluster();
    const [one, other] = [open().cache, open().cache];
    const compute = computation();
    const failing = computation(() => {
      throw new Error('failed');
    });
    for (const itemId of ['hit', 'old', 'older', 'moved']) await timed([one.answer(callOf(itemId), compute)], 1);
    await one.invalidate(['item:moved']);
    store.takesMs = takesMs;
    const atMost = async (what: string, calls: readonly Promise<unknown>[]) => {
      for (const tookMs of await timed(calls)) assert.ok(tookMs <= waitBudgetMs + lastLookMs, `${what}: ${tookMs} ms`);
    };
    await atMost('remembered here', [one.answer(callOf('hit'), compute)]);
    await atMost('remembered elsewhere', [other.answer(callOf('hit'), compute)]);
    await atMost('invalidated', [one.answer(callOf('moved'), compute)]);
    await atMost('new', [one.answer(callOf('new'), compute)]);
    await atMost(
      'many of one kind',
      Array.from({ length: 5 }, () => one.answer(callOf('many'), compute)),
    );
    await atMost('a stream', [lastRevision(one.answerStream(plan, callOf('stream'), compute))]);
    await clock.advance(12_000);
    await atMost('past its time, computed behind it', [one.answer(callOf('old'), compute)]);
    await clock.advance(30_000);
    await atMost('past its time, and its computation fails', [one.answer(callOf('older'), failing)]);
    assert.ok(store.asked > 0);
  });
}

test('while another replica computes, questions that are answered cost no budget; the first that is not ends the waiting', async () => {
  const { store, open, timed } = slowCluster();
  const [one, other] = [open().cache, open().cache];
  const held = computation({}, { held: true });
  const compute = computation();
  const first = one.answer(callOf('7'), held);
  await timed([], 1);
  store.takesMs = 4;
  const second = other.answer(callOf('7'), compute);
  await timed([], 300); // some six questions of 4 ms
  assert.equal(compute.seen.length, 0, 'it waits for the other one');
  store.takesMs = Number.POSITIVE_INFINITY;
  const [tookMs = 0] = await timed([second], 150);
  assert.ok(tookMs <= 50 + waitBudgetMs + lastLookMs, `${tookMs} ms: the pause between two questions, and the wait budget`);
  assert.equal(compute.seen.length, 1);
  held.release();
  await timed([first], 100);
});

test('a lease that comes when nobody waits for it any more is given back, so that nobody else waits for it', async () => {
  const { store, leases, taken, open, timed } = slowCluster();
  const { cache } = open();
  for (const takesMs of [16, 20, 30]) {
    store.takesMs = takesMs; // the entry and the versions are asked for in time, the lease is not
    await timed([cache.answer(callOf(`new at ${takesMs}`), computation())], 300);
  }
  assert.ok(taken.length > 0);
  assert.deepEqual(taken.filter(leases.holds), []);
});
