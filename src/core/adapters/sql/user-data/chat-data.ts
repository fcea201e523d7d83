import { sql, type Transaction } from 'kysely';
import type { ChatSubject } from '../../../ports/chat-announcements.ts';
import type { UserDataPart, UserRecord } from '../../../ports/user-data.ts';
import type { UseDatabase } from '../database-access.ts';
import type { Database } from '../database-tables.ts';
import { eraseConversation } from './erase-conversation.ts';
import { rowsById, type SqlStep, sqlPart } from './sql-part.ts';

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

/** Rows of a page, and events of one conversation that a page looks at, by their numbers. */
const page = 500;
const window = 2_000;

/**
 * Memberships, what the user has written and done in conversations as it is now, and whom the user has blocked. What
 * others have written is theirs.
 */
export async function* exportChat(use: UseDatabase, userId: string, signal: AbortSignal): AsyncIterable<UserRecord> {
  const { rows: blocks } = await use((db) =>
    sql<UserRecord>`SELECT 'block' AS kind, jsonb_build_object('userId', blocked_id, 'blockedAt', blocked_at) AS data
      FROM chat_blocks WHERE user_id = ${userId} ORDER BY blocked_id`.execute(db),
  );
  yield* blocks;
  const memberships = rowsById(
    use,
    signal,
    (isAfter) =>
      sql<{ id: string; first: bigint | null; last_seq: bigint; data: UserRecord['data'] }>`
        SELECT c.id, c.last_seq, (SELECT min(seq) FROM chat_events e WHERE e.conversation_id = c.id) AS first,
          jsonb_build_object('conversationId', c.id, 'kind', c.kind, 'subject', c.subject, 'title', c.title,
            'created', c.created_by = ${`user:${userId}`}, 'createdKey', CASE WHEN c.created_by = ${`user:${userId}`} THEN c.created_key END,
            'role', m.role, 'joinedAt', m.joined_at, 'leftSeq', m.left_seq, 'afterSeq', m.after_seq, 'deliveredSeq', m.delivered_seq,
            'readSeq', m.read_seq, 'mutedUntil', m.muted_until,
            'devices', (SELECT coalesce(jsonb_agg(jsonb_build_object('device', d.device, 'deliveredSeq', d.delivered_seq)), '[]')
              FROM chat_devices d WHERE d.conversation_id = m.conversation_id AND d.user_id = m.user_id),
            'hiddenSeqs', (SELECT coalesce(jsonb_agg(h.seq ORDER BY h.seq), '[]')
              FROM chat_hidden h WHERE h.conversation_id = m.conversation_id AND h.user_id = m.user_id)) AS data
        FROM chat_members m JOIN chat_conversations c ON c.id = m.conversation_id
        WHERE m.user_id = ${userId} AND m.own_seq > 0 AND ${isAfter('m.conversation_id')}
        ORDER BY m.conversation_id LIMIT ${page}`,
  );
  for await (const { id, first, last_seq: lastSeq, data } of memberships) {
    yield { kind: 'membership', data };
    for (let seq = Number(first ?? lastSeq + 1n) - 1; seq < Number(lastSeq); seq += window) {
      signal.throwIfAborted();
      const { rows: events } = await use((db) =>
        sql<UserRecord>`
            SELECT kind, jsonb_strip_nulls(jsonb_build_object('conversationId', conversation_id, 'seq', seq, 'sentAt', sent_at,
              'clientId', client_id, 'text', text, 'data', encode(data, 'base64'), 'replyToSeq', reply_seq, 'attachmentIds', attachment_ids,
              'editedSeq', edited_seq, 'deletedSeq', deleted_seq, 'targetSeq', target_seq, 'reaction', reaction, 'removed', removed,
              'changes', changes)) AS data
            FROM chat_events
            WHERE conversation_id = ${id} AND seq > ${seq} AND seq <= ${seq + window} AND sender_kind = 'user' AND sender_id = ${userId}
            ORDER BY seq`.execute(db),
      );
      yield* events;
    }
  }
}
