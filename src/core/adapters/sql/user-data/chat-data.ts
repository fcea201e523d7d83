import { sql, type Transaction } from 'kysely';
import type { ChatSubject } from '../../../ports/chat-announcements.ts';
import type { UserDataPart } from '../../../ports/user-data.ts';
import type { UseDatabase } from '../database-access.ts';
import type { Database } from '../database-tables.ts';
import { exportChat } from './chat-export.ts';
import { eraseConversation } from './erase-conversation.ts';
import { type SqlStep, sqlPart } from './sql-part.ts';

const batch = 500;
/** After every id of a conversation. */
const end = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/**
 * Conversations. They are left one after the other; docs/decisions/0013-erasing-in-a-chat.md says what others see.
 * @param announce a conversation has these events more
 */
export function chatData(use: UseDatabase, announce: (subject: ChatSubject, seqs: readonly [first: number, last: number]) => void): UserDataPart {
  return sqlPart(use, 'chat', {
    exports: (userId, signal) => exportChat(use, userId, signal),
    erase: async (tx, erasure) => {
      const { place, userId } = erasure;
      if (place?.conversationId !== undefined && place.conversationId !== end) return eraseConversation(tx, erasure, place, announce);
      if (place?.conversationId === end) return eraseRest(tx, userId, new Date(erasure.beforeMs));
      const { rows } = await sql<{ id: string }>`SELECT conversation_id AS id FROM chat_members
        WHERE user_id = ${userId} AND own_seq > 0 AND (${place?.after ?? ''} = '' OR conversation_id > nullif(${place?.after ?? ''}, '')::uuid)
        ORDER BY conversation_id LIMIT 1`.execute(tx);
      return { erased: {}, place: { conversationId: rows[0]?.id ?? end }, isDone: false };
    },
  });
}

/** What is in no conversation, or in one that the user was never a member of. */
async function eraseRest(tx: Transaction<Database>, userId: string, before: Date): Promise<SqlStep> {
  const blocks = await sql`DELETE FROM chat_blocks WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM chat_blocks WHERE (user_id = ${userId} OR blocked_id = ${userId}) AND blocked_at < ${before} LIMIT ${batch}))`.execute(tx);
  const created = await sql`UPDATE chat_conversations SET title = '', created_by = 'erased', created_key = gen_random_uuid()::text,
      created_hash = sha256(uuid_send(gen_random_uuid()))
    WHERE id IN (SELECT id FROM chat_conversations WHERE created_by = ${`user:${userId}`} AND created_at < ${before} LIMIT ${batch})`.execute(tx);
  await sql`DELETE FROM chat_users u WHERE user_id = ${userId} AND NOT EXISTS (SELECT FROM chat_members m WHERE m.user_id = u.user_id)`.execute(tx);
  const counts = [blocks, created].map(({ numAffectedRows }) => Number(numAffectedRows));
  const isDone = counts.every((count) => count < batch);
  return { erased: { blocks: counts[0] ?? 0 }, place: { conversationId: end }, isDone };
}
