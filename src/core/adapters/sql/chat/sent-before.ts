import { type Kysely, sql } from 'kysely';
import type { ChatStore } from '../../../ports/chat.ts';
import type { Database } from '../database-tables.ts';
import { type AppendedRow, appendedOf, faultOf, hashOf, unknownConversation } from './append-events.ts';

type Row = Omit<AppendedRow, 'outcome'> & { kind: 'direct' | 'group'; subject: string; same: boolean | null };

/** What a user has sent under this client id before. */
export async function sentBefore(
  db: Kysely<Database>,
  ...[conversationId, entry]: Parameters<ChatStore['sentBefore']>
): ReturnType<ChatStore['sentBefore']> {
  const { sender, clientId } = entry;
  const { rows } = await sql<Row>`
    SELECT c.kind, c.subject, s.seq, s.content_hash = decode(${hashOf(entry)}, 'hex') AS same, e.number, e.event_id, e.sent_at
    FROM chat_members m
    JOIN chat_conversations c ON c.id = m.conversation_id
    LEFT JOIN chat_sent s ON s.conversation_id = m.conversation_id AND s.sender_kind = ${sender.kind} AND s.sender_id = m.user_id
      AND s.client_id = ${clientId}
    LEFT JOIN chat_events e ON e.conversation_id = s.conversation_id AND e.seq = s.seq
    WHERE m.conversation_id = ${conversationId} AND m.user_id = ${sender.id} AND m.left_seq IS NULL`.execute(db);
  const [row] = rows;
  if (row === undefined) throw unknownConversation();
  const conversation = { kind: row.kind, subject: row.subject };
  if (row.same === null) return { conversation, appended: undefined };
  const outcome = !row.same ? 'reused' : row.event_id === null ? 'expired' : 'repeated';
  const refused = faultOf(outcome);
  if (refused !== undefined) throw refused;
  return { conversation, appended: appendedOf({ ...row, outcome }) };
}
