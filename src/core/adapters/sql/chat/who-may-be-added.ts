import { sql, type Transaction } from 'kysely';
import { Fault } from '../../../kit/fault.ts';
import type { Sender } from '../../../ports/chat.ts';
import { membershipsMax, staysOutMs } from '../../../ports/chat-limits.ts';
import type { Database } from '../database-tables.ts';

/**
 * Whether users let this one add them. Before they are added.
 * @throws Fault MEMBER_REFUSED, the same for whoever has blocked and for whoever has left: a block is not said
 */
export async function checkWilling(tx: Transaction<Database>, conversationId: string, by: Sender, added: readonly string[]): Promise<void> {
  const others = added.filter((userId) => userId !== by.id);
  if (by.kind !== 'user' || others.length === 0) return;
  const { rows } = await sql<{ id: string }>`
    SELECT a.id FROM unnest(${others}::text[]) AS a (id)
    WHERE EXISTS (SELECT FROM chat_blocks WHERE user_id = a.id AND blocked_id = ${by.id})
      OR EXISTS (SELECT FROM chat_blocks WHERE user_id = ${by.id} AND blocked_id = a.id)
      OR EXISTS (SELECT FROM chat_members m JOIN chat_events e ON e.conversation_id = m.conversation_id AND e.seq = m.left_seq
        WHERE m.conversation_id = ${conversationId} AND m.user_id = a.id
          AND e.sender_kind = 'user' AND e.sender_id = a.id AND e.sent_at > now() - ${sql.lit(staysOutMs)} * interval '1 ms')
    LIMIT 1`.execute(tx);
  if (rows[0] !== undefined)
    throw new Fault('MEMBER_REFUSED', `The user ${rows[0].id} cannot be added by this user.`, { metadata: { userId: rows[0].id } });
}

/**
 * Whether users have room for one conversation more. When they are added, and locked.
 * @throws Fault CONVERSATIONS_TOO_MANY
 */
export async function checkRoom(tx: Transaction<Database>, by: Sender, added: readonly string[]): Promise<void> {
  if (added.length === 0) return;
  const rooms = added.map((userId) => (by.kind === 'user' && by.id !== userId ? membershipsMax.byOthers : membershipsMax.ofUser));
  const { rows } = await sql<{ id: string; most: number }>`
    SELECT u.id, u.most FROM unnest(${[...added]}::text[], ${rooms}::integer[]) AS u (id, most)
    CROSS JOIN LATERAL (SELECT FROM chat_members m WHERE m.user_id = u.id AND m.left_seq IS NULL OFFSET u.most LIMIT 1) AS over LIMIT 1`.execute(tx);
  const [full] = rows;
  if (full === undefined) return;
  const metadata = { userId: full.id, most: String(full.most) };
  throw new Fault('CONVERSATIONS_TOO_MANY', `The user ${full.id} is a member of ${full.most} conversations already.`, { metadata });
}
