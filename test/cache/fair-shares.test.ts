// What one caller repeats takes nothing that others need, beside the bytes of L1 and L2 (damping.test.ts).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryCacheStore } from '../../src/core/adapters/memory/cache-store.ts';
import { memoryTagVersions } from '../../src/core/adapters/memory/tag-versions.ts';
import { planOf, readyCall } from '../support/cache/ready-call.ts';
import { fakeClock } from '../support/time/clock.ts';
import { cameBy, computation, openTestCache } from './open.ts';

const ada = { user: 'ada', request: { itemId: '7' } };
const mallory = (i: number) => ({ user: 'mallory', request: { itemId: `x${i}` } });

test('who has a hundred stale answers computed anew, which takes long, leaves room for those of others', async () => {
  const plan = planOf('GetItem', { ttlMs: 1_000, staleWhileRevalidateMs: 600_000, staleIfErrorMs: 0 });
  const { cache, clock } = openTestCache({ store: memoryCacheStore({ bytesMax: 100_000_000 }) });
  const compute = computation();
  await cache.answer(readyCall(plan, ada), compute);
  for (let i = 0; i < 200; i++) await cache.answer(readyCall(plan, mallory(i)), compute);
  await clock.advance(2_000);
  const slow = computation({}, { held: true });
  for (let i = 0; i < 200; i++) assert.match(cameBy(await cache.answer(readyCall(plan, mallory(i)), slow)), /^stale /);
  assert.equal(slow.seen.length, 50);
  await cache.answer(readyCall(plan, ada), compute);
  await clock.advance(1);
  assert.match(cameBy(await cache.answer(readyCall(plan, ada), compute)), /^hit /);
  slow.release();
  await clock.advance(1);
  await cache.answer(readyCall(plan, mallory(199)), slow);
  assert.equal(slow.seen.length, 51, 'places are given back');
});

test('embedded: who stores answers with ever more tags makes no settling tag forgotten', async () => {
  const clock = fakeClock();
  const versions = memoryTagVersions({ clock, looseMax: 100 });
  const { cache } = openTestCache({ clock, versions, store: memoryCacheStore({ bytesMax: 100_000, versions }) });
  const plan = planOf('GetItem', { ttlMs: 600_000 });
  await cache.answer(readyCall(plan, ada), computation());
  await cache.invalidate(['item:7', 'item:8'], { settleMs: 60_000 }); // one that an answer has, and one that none has
  let tags = 0;
  const varied = computation(() => ({ tags: Array.from({ length: 60 }, () => `mine:${tags++}`) }));
  for (let i = 0; i < 100; i++) await cache.answer(readyCall(plan, mallory(i)), varied);
  for (const itemId of ['7', '8']) {
    const compute = computation();
    for (let i = 1; i <= 2; i++) assert.equal(cameBy(await cache.answer(readyCall(plan, { ...ada, request: { itemId } }), compute)), `miss ${i}`);
  }
});

test('embedded: a clock that is set forth or back neither ends settling nor prolongs it', async () => {
  const running = fakeClock();
  let byMs = 0;
  const clock = { ...running, nowMs: () => running.nowMs() + byMs };
  const versions = memoryTagVersions({ clock });
  await versions.raise(['item:7'], { settleMs: 2_000 });
  byMs = 3_600_000;
  assert.equal((await versions.begin(['item:7'])).settling, true);
  byMs = -3_600_000;
  await running.advance(2_001);
  assert.equal((await versions.begin(['item:7'])).settling, false);
});
