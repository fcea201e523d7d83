import { test } from 'node:test';
import { membersMax } from '../../src/core/ports/chat-limits.ts';
import { tryLargeGroup } from './large-group.ts';

test('the largest group: added page by page, sent to, listed and left at a cost that does not grow with it', async (t) => {
  const statements = await tryLargeGroup(membersMax);
  t.diagnostic(`statements: ${JSON.stringify(statements)}`);
});
