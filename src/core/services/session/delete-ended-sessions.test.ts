import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quietLog } from '../../../../test/support/log.ts';
import { fakeClock } from '../../../../test/support/time/clock.ts';
import type { Forgotten } from '../../ports/sessions.ts';
import { startDeletingEndedSessions } from './delete-ended-sessions.ts';

const hourMs = 3_600_000;

test('sessions that are long over are forgotten batch by batch, then once an hour, also after a failure', async () => {
  const clock = fakeClock();
  const startMs = clock.nowMs();
  const asked: Forgotten[] = [];
  const answers = [1_000, 1_000, 3, new Error('gone'), 0];
  const forget = async (before: Forgotten) => {
    asked.push(before);
    const answer = answers.shift() ?? 0;
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const stop = startDeletingEndedSessions({ sessions: { forget }, clock, log: quietLog, keepMs: 10, idleMs: 20, absoluteMs: 30 });
  await clock.advance(1_000);
  const nowMs = startMs + 1_000;
  assert.deepEqual(asked, [{ endedMs: nowMs - 10, seenMs: nowMs - 30, signedInMs: nowMs - 40, expiredMs: nowMs }]);
  await clock.advance(2_000);
  assert.equal(asked.length, 3);
  await clock.advance(hourMs);
  assert.equal(asked.length, 4);
  await clock.advance(hourMs);
  assert.equal(asked.length, 5);
  stop();
  await clock.advance(5 * hourMs);
  assert.equal(asked.length, 5);
});
