import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatusError } from '../../src/core/kit/status-error.ts';
import { planOf, readyCall } from '../support/cache/ready-call.ts';
import { cameBy, computation, openTestCache } from './open.ts';

const plan = planOf('GetItem', { ttlMs: 1_000, staleWhileRevalidateMs: 5_000, staleIfErrorMs: 60_000 });
const call = (options = {}) => readyCall(plan, { user: 'ada', request: { itemId: '7' }, ...options });

test('an answer past its time is served at once as stale, and computed anew behind it, once', async () => {
  const { cache, clock } = openTestCache();
  const compute = computation();
  await cache.answer(call(), compute);
  await clock.advance(3_500);
  const [one, other] = await Promise.all([cache.answer(call(), compute), cache.answer(call(), compute)]);
  assert.deepEqual([cameBy(one), cameBy(other), one.metadata.get('portico-stale')], ['stale 1', 'stale 1', '3']);
  await clock.advance(1);
  assert.equal(compute.seen.length, 2);
  assert.equal(cameBy(await cache.answer(call(), compute)), 'hit 2');
});

test('after its stale time an answer is computed while the call waits', async () => {
  const { cache, clock } = openTestCache();
  const compute = computation();
  await cache.answer(call(), compute);
  await clock.advance(6_000);
  assert.equal(cameBy(await cache.answer(call(), compute)), 'miss 2');
});

test('an invalidated answer is never served, however stale answers may be', async () => {
  const { cache, clock } = openTestCache();
  let down = false;
  const compute = computation(() => {
    if (down) throw new StatusError(14, 'gone');
    return {};
  });
  await cache.answer(call(), compute);
  await clock.advance(2_000);
  await cache.invalidate(['item:7']);
  assert.equal(cameBy(await cache.answer(call(), compute)), 'miss 2');
  await cache.invalidate(['item:7']);
  down = true;
  await assert.rejects(cache.answer(call(), compute), /gone/);
});

for (const [code, helps] of [
  [14, true],
  [4, true],
  [13, true],
  [2, true],
  [15, true],
  [5, false],
  [7, false],
  [16, false],
] as const) {
  test(`an old answer ${helps ? 'covers' : 'does not cover'} a failure with status ${code}`, async () => {
    const { cache, clock } = openTestCache();
    let down = false;
    const compute = computation(() => {
      if (down) throw new StatusError(code, 'failed');
      return {};
    });
    await cache.answer(call(), compute);
    down = true;
    await clock.advance(30_000);
    if (helps) assert.equal(cameBy(await cache.answer(call(), compute)), 'stale 1');
    else await assert.rejects(cache.answer(call(), compute), { code });
    await clock.advance(31_001);
    await assert.rejects(cache.answer(call(), compute), { code }, 'its time is over');
  });
}

test('where an old answer can help, a slow computation is waited for only as long as there is time to send that', async () => {
  const { cache, clock } = openTestCache();
  const compute = computation();
  await cache.answer(call(), compute);
  await clock.advance(10_000);
  const slow = computation({}, { held: true });
  const answer = cache.answer(call({ deadlineAtMs: clock.nowMs() + 500 }), slow);
  await clock.advance(449);
  let answered = false;
  void answer.then(() => {
    answered = true;
  });
  assert.equal(answered, false);
  await clock.advance(2);
  assert.equal(cameBy(await answer), 'stale 1');
  slow.release();
  await clock.advance(1);
  assert.equal(cameBy(await cache.answer(call(), slow)), 'hit 1', 'the computation went on, for the next call');
});
