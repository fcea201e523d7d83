import { sql } from 'kysely';
import { sqlChat } from '../../src/core/adapters/sql/chat/chat-store.ts';
import { openDatabaseAccess } from '../../src/core/adapters/sql/database-access.ts';
import type { Sql } from '../../src/core/adapters/sql/postgres-or-pglite.ts';
import { sqlPushQueue } from '../../src/core/adapters/sql/push/push-queue.ts';
import { sqlPushTokens } from '../../src/core/adapters/sql/push/push-tokens.ts';
import { sqlSessions } from '../../src/core/adapters/sql/sessions.ts';
import type { PushHarness } from './push-harness.ts';

const hour = 3_600_000;

/** On a database that other cases have used. */
export async function sqlPushHarness({ db }: Sql): Promise<PushHarness> {
  const { use } = openDatabaseAccess(db);
  // what other cases have left is not due in this one
  await sql`TRUNCATE chat_outbox, push_queue, push_notices, push_tokens, push_shown`.execute(db);
  return {
    chat: sqlChat(use, { pushAfterMs: 0 }),
    sessions: sqlSessions(use),
    tokens: sqlPushTokens(use),
    queue: sqlPushQueue(use, { life: { idleMs: hour, absoluteMs: hour }, expireMs: hour }),
    block: async (userId, blockedId) => {
      await sql`INSERT INTO chat_blocks VALUES (${userId}, ${blockedId})`.execute(db);
    },
    elapse: async () => {
      await sql`UPDATE push_queue SET due_at = now()`.execute(db);
    },
    [Symbol.asyncDispose]: async () => {},
  };
}
