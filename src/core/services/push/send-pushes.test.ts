import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNoopMeter } from '@opentelemetry/api';
import { keptLog } from '../../../../test/support/log.ts';
import { fakeClock } from '../../../../test/support/time/clock.ts';
import type { Push, PushQueue, PushResult } from '../../ports/push-queue.ts';
import type { PushOutcome } from '../../ports/push-sender.ts';
import { pushMetrics } from './push-metrics.ts';
import { startSending } from './send-pushes.ts';

const limits = { atOnce: 10, everyMs: 1_000, timeoutMs: 20_000, leaseMs: 60_000 };
const push: Push = {
  id: '1',
  sessionId: 's',
  token: { provider: 'fcm', token: 't', topic: '', sandbox: false, quietHours: undefined },
  content: { kind: 'read', conversationId: 'c', seq: 1 },
  badge: 0,
  attempts: 0,
  repeats: 0,
  expiresAtMs: Number.MAX_SAFE_INTEGER,
  nowMs: 0,
};

/**
 * A queue with one push, and a platform.
 * @param stillMs the process stands still for so long between lease and sending
 */
async function openSending({ stillMs = 0, failures = 0 }: { stillMs?: number; failures?: number }) {
  const clock = fakeClock();
  const sent: string[] = [];
  const recorded: PushResult[] = [];
  const due = [push];
  const queue = {
    lease: async () => {
      const pushes = due.splice(0);
      if (pushes.length > 0) await clock.advance(stillMs);
      return { pushes, unwanted: 0 };
    },
    record: async (results: readonly PushResult[]) => {
      if (failures-- > 0) throw new Error('The database is away.');
      recorded.push(...results);
    },
  } as unknown as PushQueue;
  const send = async ({ id }: Push): Promise<PushOutcome> => {
    sent.push(id);
    return { kind: 'sent' };
  };
  const sender = { send, close: async () => {} };
  const { log, lines } = keptLog();
  const givenUp = () => lines.map(({ fields }) => (fields as { given_up: number }).given_up);
  const stop = startSending({ provider: 'fcm', sender, queue, metrics: pushMetrics(createNoopMeter()), limits, clock, random: () => 0, log });
  return { clock, sent, recorded, givenUp, stop };
}

test('a push whose lease may end before the platform has answered is left to whoever has the next lease', async () => {
  for (const [stillMs, sends] of [
    [0, 1],
    [40_000, 1],
    [40_001, 0],
    [90_000, 0],
  ] as const) {
    const { clock, sent, recorded, stop } = await openSending({ stillMs });
    await clock.advance(limits.everyMs);
    assert.deepEqual([sent.length, recorded.length], [sends, sends], `${stillMs} ms`);
    await stop(0);
  }
});

test('a result is tried to be stored until the lease ends, and not after it', async () => {
  const { clock, recorded, givenUp, stop } = await openSending({ failures: Number.POSITIVE_INFINITY });
  await clock.advance(limits.leaseMs - 1_000);
  const tries = givenUp();
  assert.ok(tries.length > 10 && tries.every((count) => count === 0));
  await clock.advance(10_000);
  assert.deepEqual([givenUp().at(-1), recorded], [1, []]);
  const ended = givenUp().length;
  await clock.advance(30_000);
  assert.equal(givenUp().length, ended);
  await stop(0);
});
