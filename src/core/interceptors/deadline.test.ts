import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../kit/clock.ts';
import { Fault } from '../kit/fault.ts';
import type { Answer, Call } from '../ports/call.ts';
import { deadline } from './deadline.ts';

function fakeClock() {
  const timers = new Set<{ atMs: number; callback: () => void }>();
  let nowMs = 1_000;
  const clock: Clock = {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    after: (delayMs, callback) => {
      const timer = { atMs: nowMs + delayMs, callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
  };
  const elapse = (ms: number) => {
    nowMs += ms;
    for (const timer of timers) if (timer.atMs <= nowMs && timers.delete(timer)) timer.callback();
  };
  return { clock, timers, elapse };
}

function callWith(deadlineMs: number | undefined, deadlineAtMs: number | undefined) {
  const ends: (() => void)[] = [];
  const controller = new AbortController();
  const call = {
    plan: { deadlineMs },
    deadlineAtMs,
    signal: controller.signal,
    onEnd: (callback: () => void) => ends.push(callback),
  } as unknown as Call;
  return { call, controller, end: () => ends.forEach((callback) => void callback()) };
}
const never = (seen: { call?: Call }) => (call: Call) => {
  seen.call = call;
  return new Promise<Answer>(() => {});
};
const isDeadline = (error: unknown) => error instanceof Fault && error.reason === 'DEADLINE_EXCEEDED';

test("the sooner of the client's deadline and the policy's ends the call, even if the handler does not heed its signal", async () => {
  const { clock, elapse } = fakeClock();
  const seen: { call?: Call } = {};
  const answer = deadline(clock)(callWith(800, 1_000 + 5_000).call, never(seen));
  elapse(799);
  assert.equal(seen.call?.signal.aborted, false);
  assert.equal(seen.call?.deadlineAtMs, 1_800);
  elapse(1);
  await assert.rejects(async () => answer, isDeadline);
  assert.ok(isDeadline(seen.call?.signal.reason));
});

test('a client whose time is over already gets no work done', async () => {
  const { clock } = fakeClock();
  await assert.rejects(async () => deadline(clock)(callWith(undefined, 999).call, never({})), isDeadline);
});

test('the timer is freed when the call has ended, not when a stream has begun', async () => {
  const { clock, timers } = fakeClock();
  const { call, end } = callWith(800, undefined);
  await deadline(clock)(call, async () => ({}) as Answer);
  assert.equal(timers.size, 1);
  end();
  assert.equal(timers.size, 0);
});

test("the client's cancel reaches the handler", async () => {
  const { clock } = fakeClock();
  const { call, controller } = callWith(800, undefined);
  const seen: { call?: Call } = {};
  void deadline(clock)(call, never(seen));
  controller.abort('gone');
  assert.equal(seen.call?.signal.reason, 'gone');
});
