import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unavailable, waitBudgets } from '../../src/core/cache/wait-budget.ts';
import { testCounts } from '../support/cache/counts.ts';
import { fakeClock } from '../support/time/clock.ts';

const never = () => new Promise<string>(() => {});

test('time in which the process was busy itself is not spent waiting for the store', async () => {
  const clock = fakeClock();
  let idleMs = 0;
  const budget = waitBudgets({ clock, counts: testCounts(), idleMs: () => idleMs })();
  let answered: unknown;
  void Promise.resolve(budget.wait(never())).then((answer) => {
    answered = answer;
  });
  await clock.advance(200);
  assert.equal(answered, undefined, 'nothing of it was idle');
  idleMs = 30;
  await clock.advance(100);
  assert.equal(answered, undefined);
  idleMs = 50;
  await clock.advance(100);
  assert.equal(answered, unavailable);
});

test('questions that were answered while the process was busy leave the budget for others', async () => {
  const clock = fakeClock();
  const counts = testCounts();
  let idleMs = 0;
  const budget = waitBudgets({ clock, counts, idleMs: () => idleMs })();
  for (let i = 0; i < 5; i++) {
    const reply = Promise.withResolvers<string>();
    const answer = budget.wait(reply.promise);
    await clock.advance(40);
    idleMs += 5;
    reply.resolve('there');
    assert.equal(await answer, 'there');
  }
  assert.equal(counts.storeFailures.slow, 0);
});
