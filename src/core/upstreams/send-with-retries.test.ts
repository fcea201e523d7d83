import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeClock } from '../../../test/support/time/clock.ts';
import type { TransportEnd, UpstreamCall, UpstreamEnd, UpstreamTransport } from '../ports/upstream-transport.ts';
import { retryBudget, sendWithRetries } from './send-with-retries.ts';

const none = { getAll: () => [] };
const ok: UpstreamEnd = { by: 'upstream', code: 0, message: '', details: undefined, trailers: none, peer: 'a' };
const lost: UpstreamEnd = { by: 'transport', cause: 'lost', detail: 'closed', processed: 'maybe', peer: 'a' } satisfies TransportEnd & {
  peer: string;
};
const unavailable = (pushback?: string): UpstreamEnd => ({
  ...ok,
  code: 14,
  trailers: { getAll: (key) => (key === 'grpc-retry-pushback-ms' && pushback !== undefined ? [pushback] : []) },
});

/** A transport that ends each attempt as configured, with a message if it is OK. */
function open(ends: readonly UpstreamEnd[], { afterHeaders = false } = {}) {
  const clock = fakeClock();
  const budget = retryBudget();
  const attempts: { readonly atMs: number; readonly previous: unknown }[] = [];
  const startMs = clock.nowMs();
  const transport: UpstreamTransport = {
    call: ({ metadata }, receiver) => {
      const end = ends[Math.min(attempts.length, ends.length - 1)] as UpstreamEnd;
      attempts.push({ atMs: clock.nowMs() - startMs, previous: metadata.find(([key]) => key === 'grpc-previous-rpc-attempts')?.[1] });
      queueMicrotask(() => {
        if (afterHeaders || end === ok) receiver.headers(none);
        if (end === ok) receiver.message(Buffer.from('a'));
        receiver.ended(end);
      });
      return { send: () => true, halfClose: () => {}, resume: () => {}, cancel: () => {} };
    },
    close: () => {},
  };
  const send = async (attemptsMax: number, call: Partial<UpstreamCall> = {}, signal = new AbortController().signal) => {
    const whole = { path: '/a/b', metadata: [], deadlineAtMs: undefined, ...call };
    const sent = sendWithRetries(transport, { call: whole, request: Buffer.alloc(0), signal, attemptsMax }, { clock, random: () => 0.5, budget });
    for (let n = 0; n < 100; n++) await clock.advance(n === 0 ? 0 : 10); // in steps, so that timers are set between them
    return sent;
  };
  return { clock, budget, attempts, send };
}

test('an unavailable upstream is called again after 50 ms, then 100 ms, with the number of attempts', async () => {
  const { attempts, send } = open([unavailable(), lost, ok]);
  assert.ok((await send(3)).body);
  assert.deepEqual(attempts, [
    { atMs: 0, previous: undefined },
    { atMs: 50, previous: '1' },
    { atMs: 150, previous: '2' },
  ]);
});

test('the most attempts are all attempts, the first included', async () => {
  const { attempts, send } = open([unavailable()]);
  assert.equal((await send(1)).body, undefined);
  assert.equal(attempts.length, 1);
});

test('the upstream says when to come again, or not to', async () => {
  const when = open([unavailable('700'), ok]);
  await when.send(3);
  assert.deepEqual(
    when.attempts.map(({ atMs }) => atMs),
    [0, 700],
  );
  for (const pushback of ['-1', 'soon', '']) {
    const never = open([unavailable(pushback), ok]);
    await never.send(3);
    assert.equal(never.attempts.length, 1, pushback);
  }
});

test('what is not unavailable, or has begun to answer, is not tried again', async () => {
  for (const code of [2, 4, 8, 13]) {
    const { attempts, send } = open([{ ...ok, code }, ok]);
    await send(3);
    assert.equal(attempts.length, 1);
  }
  const begun = open([unavailable(), ok], { afterHeaders: true });
  await begun.send(3);
  assert.equal(begun.attempts.length, 1);
});

test('no retry once the budget is half gone, and successes give it back a tenth each', async () => {
  const { attempts, budget, send } = open([unavailable()]);
  for (let n = 0; n < 10; n++) await send(2);
  assert.equal(budget.tokens, 0);
  assert.equal(attempts.length, 10 + 2, 'only the first two calls were tried again');
  const healthy = open([ok]);
  healthy.budget.tokens = 4;
  for (let n = 0; n < 100; n++) await healthy.send(2);
  assert.equal(healthy.budget.tokens, 10);
});

test('no wait goes beyond the deadline, and an abort ends it', async () => {
  const late = open([unavailable()]);
  await late.send(3, { deadlineAtMs: late.clock.nowMs() + 60 });
  assert.equal(late.attempts.length, 2);
  const left = new AbortController();
  const aborted = open([unavailable()]);
  aborted.clock.after(10, () => left.abort());
  await aborted.send(3, {}, left.signal);
  assert.equal(aborted.attempts.length, 1);
});
