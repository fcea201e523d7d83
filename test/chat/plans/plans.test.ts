// Each statement of the chat can use an index, and reads no more than docs/reference/chat.md says. At this size reading
// a whole table is often cheaper; plans.spec.ts, `npm run test:plans`, leaves that to the planner, with a million rows.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkPlans } from './check-plans.ts';

test('every statement of the chat is helped by an index that the page names, and reads a bounded number of rows', async () => {
  const { broken } = await checkPlans({ conversations: 300, messages: 30_000, largeMembers: 300 }, { seqScans: false });
  assert.deepEqual(broken, []);
});
