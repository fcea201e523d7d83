import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../../src/core/kit/fault.ts';
import { StatusError } from '../../src/core/kit/status-error.ts';
import { planOf, readyCall } from '../support/cache/ready-call.ts';
import { cameBy, computation, openTestCache } from './open.ts';

const getItem = planOf('GetItem');
const ada = { user: 'ada', request: { itemId: '7' } };

test('calls at the same time share one computation, and later ones its answer', async () => {
  const { cache, counts } = openTestCache();
  const compute = computation({}, { held: true });
  const calls = Array.from({ length: 50 }, () => cache.answer(readyCall(getItem, ada), compute));
  compute.release();
  const answers = (await Promise.all(calls)).map(cameBy);
  assert.deepEqual(answers, ['miss 1', ...Array.from({ length: 49 }, () => 'coalesced 1')]);
  assert.equal(cameBy(await cache.answer(readyCall(getItem, ada), compute)), 'hit 1');
  assert.deepEqual(counts.requests, { hit: 1, stale: 0, miss: 1, coalesced: 49, refused: 0, not_modified: 0 });
});

test('one who leaves touches nobody else, and the last to leave cancels the computation', async () => {
  const { cache, clock } = openTestCache();
  const compute = computation({}, { held: true });
  const [first, second] = [new AbortController(), new AbortController()];
  const calls = [first, second].map(({ signal }) => cache.answer(readyCall(getItem, { ...ada, signal }), compute));
  for (const call of calls) call.catch(() => {});
  await clock.advance(1);
  first.abort(new Error('left'));
  await assert.rejects(calls[0] as Promise<unknown>, /left/);
  assert.equal(compute.seen[0]?.signal.aborted, false);
  second.abort(new Error('left, too'));
  await assert.rejects(calls[1] as Promise<unknown>, /left, too/);
  assert.equal(compute.seen[0]?.signal.aborted, true);
  const next = cache.answer(readyCall(getItem, ada), compute);
  await clock.advance(1);
  compute.release();
  assert.equal(cameBy(await next), 'miss 2', 'a cancelled flight is joined by nobody');
});

test("a flight has the time of the method's policy, not that of the call that began it", async () => {
  const { cache, clock } = openTestCache();
  const compute = computation({}, { held: true });
  const call = cache.answer(readyCall(getItem, { ...ada, deadlineAtMs: clock.nowMs() + 20 }), compute);
  call.catch(() => {});
  await clock.advance(1);
  assert.equal(compute.seen[0]?.deadlineAtMs, clock.nowMs() - 1 + 1_000);
  await clock.advance(1_000);
  await assert.rejects(call, (error) => error instanceof Fault && error.reason === 'DEADLINE_EXCEEDED');
  assert.equal(compute.seen[0]?.signal.aborted, true);
});

test('a failure is told to all who wait, and never remembered', async () => {
  const { cache, clock } = openTestCache();
  let failing = true;
  const compute = computation(() => {
    if (failing) throw new StatusError(5, 'no such item');
    return {};
  });
  const calls = [1, 2].map(() => cache.answer(readyCall(getItem, ada), compute));
  for (const settled of await Promise.allSettled(calls)) assert.equal(settled.status === 'rejected' && settled.reason.code, 5);
  assert.equal(compute.seen.length, 1);
  failing = false;
  await clock.advance(1);
  assert.equal(cameBy(await cache.answer(readyCall(getItem, ada), compute)), 'miss 2');
});

test("what only one caller's computation met is not told to those who joined it: they compute for themselves", async () => {
  const { cache } = openTestCache();
  let failures = 1;
  const compute = computation(() => {
    if (failures-- > 0) throw new StatusError(16, 'the token of the first has expired');
    return {};
  });
  const [first, second] = await Promise.allSettled([1, 2].map(() => cache.answer(readyCall(getItem, ada), compute)));
  assert.equal(first?.status === 'rejected' && first.reason.code, 16);
  assert.equal(second?.status === 'fulfilled' && cameBy(second.value), 'coalesced 2');
});

test('an invalidation seals a flight: who had joined gets its answer, who comes later a new one', async () => {
  const { cache, clock } = openTestCache();
  const compute = computation({ tags: ['shelf:1'] }, { held: true });
  const before = cache.answer(readyCall(getItem, ada), compute);
  await clock.advance(1);
  await cache.invalidate(['shelf:1']);
  const after = cache.answer(readyCall(getItem, ada), compute);
  await clock.advance(1);
  compute.release();
  assert.deepEqual([cameBy(await before), cameBy(await after)], ['miss 1', 'miss 2']);
  assert.equal(cameBy(await cache.answer(readyCall(getItem, ada), compute)), 'hit 2', 'and the older answer did not replace the newer');
});
