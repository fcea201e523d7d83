// Chat's contracts in SQL: PostgreSQL by sql-chat.test.ts, PGlite by embedded.spec.ts.
import { sql } from 'kysely';
import { sqlChat } from '../../src/core/adapters/sql/chat/chat-store.ts';
import { openDatabaseAccess, type UseDatabase } from '../../src/core/adapters/sql/database-access.ts';
import type { Sql } from '../../src/core/adapters/sql/postgres-or-pglite.ts';
import { chatContract } from './chat.ts';
import { chatAdditionsContract } from './chat-additions.ts';
import type { ChatHarness } from './chat-harness.ts';
import { chatMembersContract } from './chat-members.ts';
import { chatRetentionContract } from './chat-retention.ts';
import { chatRightsContract } from './chat-rights.ts';

const harness = (one: Sql, two: Sql): Omit<ChatHarness, typeof Symbol.asyncDispose> & { readonly use: UseDatabase } => ({
  use: openDatabaseAccess(one.db).use,
  chat: sqlChat(openDatabaseAccess(one.db).use),
  other: sqlChat(openDatabaseAccess(two.db).use),
  forget: async (conversationId, upToSeq) => {
    await sql`DELETE FROM chat_events WHERE conversation_id = ${conversationId} AND seq <= ${upToSeq}`.execute(one.db);
  },
  join: async (userId, count) => {
    await sql`INSERT INTO chat_users (user_id) VALUES (${userId}) ON CONFLICT DO NOTHING`.execute(one.db);
    await sql`WITH made AS (INSERT INTO chat_conversations (id, kind, created_by, created_key, created_hash)
        SELECT gen_random_uuid(), 'group', ${`user:${userId}`}, n::text, '' FROM generate_series(1, ${sql.lit(count)}) AS n RETURNING id)
      INSERT INTO chat_members (conversation_id, user_id, role) SELECT id, ${userId}, 'member' FROM made`.execute(one.db);
  },
  block: async (userId, blockedId) => {
    await sql`INSERT INTO chat_blocks VALUES (${userId}, ${blockedId})`.execute(one.db);
  },
  later: async (conversationId, ms) => {
    await sql`UPDATE chat_events SET sent_at = sent_at - make_interval(secs => ${ms / 1_000}) WHERE conversation_id = ${conversationId}`.execute(
      one.db,
    );
    await sql`UPDATE chat_conversations SET created_at = created_at - make_interval(secs => ${ms / 1_000}), oldest_at = oldest_at - make_interval(secs => ${ms / 1_000}) WHERE id = ${conversationId}`.execute(
      one.db,
    );
  },
  devices: async (userId) =>
    (await sql<{ device: string }>`SELECT device FROM chat_devices WHERE user_id = ${userId}`.execute(one.db)).rows.map(({ device }) => device),
});

/** @param open two connections to one database for all: the contract names its users and conversations anew each time */
export function sqlChatContracts(adapter: string, open: () => Promise<readonly [Sql, Sql]>): void {
  const opened = async () => ({ ...harness(...(await open())), [Symbol.asyncDispose]: async () => {} });
  chatContract(adapter, opened);
  chatMembersContract(adapter, opened);
  chatAdditionsContract(adapter, opened);
  chatRetentionContract(adapter, opened);
  chatRightsContract(adapter, opened);
}
