import { type Kysely, sql } from 'kysely';
import type { Found, Part } from '../../../ports/attachments.ts';
import type { Database } from '../database-tables.ts';
import { type AttachmentRow, attachmentObject, attachmentOf, partsColumn, partsOf } from './attachment-rows.ts';

/**
 * An attachment that a user may see: that of a message which a member sees, or an own one that is in no message yet,
 * for as long as its owner is a member.
 */
export async function findAttachment(db: Kysely<Database>, id: string, userId: string): Promise<Found | undefined> {
  const { rows } = await sql<{ attachment: AttachmentRow; parts: Part[] | null; is_lost: boolean }>`
    SELECT ${attachmentObject('a')} AS attachment, ${partsColumn}, a.lost_at IS NOT NULL AS is_lost
    FROM chat_attachments a WHERE a.id = ${id} AND a.completed_at IS NOT NULL AND EXISTS (
      SELECT FROM chat_members m WHERE m.conversation_id = a.conversation_id AND m.user_id = ${userId} AND m.left_seq IS NULL
      AND CASE WHEN a.seq IS NULL THEN a.owner_id = ${userId} ELSE m.after_seq < a.seq
        AND NOT EXISTS (SELECT FROM chat_hidden h WHERE h.user_id = ${userId} AND h.conversation_id = a.conversation_id AND h.seq = a.seq)
        AND NOT EXISTS (SELECT FROM chat_blocks b WHERE b.user_id = ${userId} AND b.blocked_id = a.owner_id)
        AND EXISTS (SELECT FROM chat_events e WHERE e.conversation_id = a.conversation_id AND e.seq = a.seq AND e.deleted_seq IS NULL)
      END)`.execute(db);
  const [row] = rows;
  return row && { attachment: attachmentOf(row.attachment), parts: partsOf(row.parts), isLost: row.is_lost };
}
