import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unavailable, waitBudgets } from '../../src/core/cache/wait-budget.ts';
import type { Clock } from '../../src/core/kit/clock.ts';
import { testCounts } from '../support/cache/counts.ts';
import { fakeClock } from '../support/time/clock.ts';

const never = () => new Promise<string>(() => {});

/** An event loop that lags: its timers are late by as much as its turns take. */
function laggingLoop() {
  let nowMs = 0;
  let timers: { readonly atMs: number; readonly callback: () => void }[] = [];
  const clock: Clock = {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    after: (delayMs, callback) => {
      const timer = { atMs: nowMs + delayMs, callback };
      timers.push(timer);
      return () => {
        timers = timers.filter((one) => one !== timer);
      };
    },
  };
  const turn = (ms: number) => {
    nowMs += ms;
    const due = timers.filter(({ atMs }) => atMs <= nowMs);
    timers = timers.filter(({ atMs }) => atMs > nowMs);
    for (const { callback } of due) callback();
  };
  return { clock, turn };
}

/** Asks a store under overload, whose reply is read so many turns later. @returns how many questions were answered */
async function askUnderOverload({ questions, turns, turnMs }: { questions: number; turns: number; turnMs: number }): Promise<number> {
  const { clock, turn } = laggingLoop();
  const budget = waitBudgets({ clock, counts: testCounts(), idleMs: () => 0 })();
  for (let asked = 0; asked < questions; asked++) {
    const reply = Promise.withResolvers<string>();
    const answer = budget.wait(reply.promise);
    for (let i = 0; i < turns; i++) turn(turnMs);
    reply.resolve('there');
    if ((await answer) === unavailable) return asked;
  }
  return questions;
}

for (const turnMs of [5, 20, 60, 200])
  test(`turns of ${turnMs} ms: a store whose replies are there when they can be read first is fast`, async () => {
    assert.equal(await askUnderOverload({ questions: 20, turns: 2, turnMs }), 20);
  });

for (const turnMs of [20, 60, 200])
  test(`turns of ${turnMs} ms: a store whose replies are not there for many turns is slow`, async () => {
    const answered = await askUnderOverload({ questions: 20, turns: 10, turnMs });
    assert.ok(answered >= 1 && answered <= 2, `${answered} questions were answered`);
  });

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
