// The plans of the chat on 1,000,000 messages in 10,000 conversations. `npm run test:plans`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { membersMax } from '../../../src/core/ports/chat-limits.ts';
import { checkPlans } from './check-plans.ts';

test('on a million messages every statement of the chat reads by indexes only, and a bounded number of rows', async (context) => {
  const size = { conversations: 10_000, messages: 1_000_000, largeMembers: membersMax - 1 };
  const { broken, table } = await checkPlans(size, { seqScans: true });
  for (const line of table) context.diagnostic(line);
  assert.deepEqual(broken, []);
});
