import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Found, Owned, Part } from '../../../ports/attachments.ts';
import type { Database } from '../database-tables.ts';
import { type AttachmentRow, attachmentObject, attachmentOf, partsColumn, partsOf } from './attachment-rows.ts';

type Db = Kysely<Database>;

/**
 * An attachment that a user may see: that of a message which a member sees, or an own one that is in no message yet,
 * for as long as its owner is a member.
 */
export function findAttachment(db: Db, id: string, userId: string): Promise<Found | undefined> {
  return find(
    db,
    id,
    sql`EXISTS (
      SELECT FROM chat_members m WHERE m.conversation_id = a.conversation_id AND m.user_id = ${userId} AND m.left_seq IS NULL
      AND CASE WHEN a.seq IS NULL THEN a.owner_id = ${userId} ELSE m.after_seq < a.seq
        AND NOT EXISTS (SELECT FROM chat_hidden h WHERE h.user_id = ${userId} AND h.conversation_id = a.conversation_id AND h.seq = a.seq)
        AND NOT EXISTS (SELECT FROM chat_blocks b WHERE b.user_id = ${userId} AND b.blocked_id = a.owner_id)
        AND EXISTS (SELECT FROM chat_events e WHERE e.conversation_id = a.conversation_id AND e.seq = a.seq AND e.deleted_seq IS NULL)
      END)`,
  );
}

/** An own one, wherever it is. */
export function findOwn(db: Db, id: string, ownerId: string): Promise<Found | undefined> {
  return find(db, id, sql`a.owner_id = ${ownerId}`);
}

async function find(db: Db, id: string, isFor: RawBuilder<unknown>): Promise<Found | undefined> {
  const { rows } = await sql<{ attachment: AttachmentRow; parts: Part[] | null; is_lost: boolean }>`
    SELECT ${attachmentObject('a')} AS attachment, ${partsColumn}, a.lost_at IS NOT NULL AS is_lost
    FROM chat_attachments a WHERE a.id = ${id} AND a.completed_at IS NOT NULL AND ${isFor}`.execute(db);
  const [row] = rows;
  return row && { attachment: attachmentOf(row.attachment), parts: partsOf(row.parts), isLost: row.is_lost };
}

export async function readOfUser(
  db: Db,
  userId: string,
  { after, most }: { readonly after: string | undefined; readonly most: number },
): Promise<readonly Owned[]> {
  const { rows } = await sql<{
    id: string;
    content_type: string | null;
    size_bytes: bigint;
    name: string;
    sha256: Buffer;
    conversation_id: string | null;
    seq: bigint | null;
    created_at: Date;
    completed_at: Date | null;
  }>`SELECT id, content_type, size_bytes, name, sha256, conversation_id, seq, created_at, completed_at FROM chat_attachments
    WHERE owner_id = ${userId} ${after === undefined ? sql`` : sql`AND id > ${after}::uuid`} ORDER BY id LIMIT ${most}`.execute(db);
  return rows.map((row) => ({
    id: row.id,
    contentType: row.content_type ?? undefined,
    sizeBytes: Number(row.size_bytes),
    name: row.name,
    sha256: row.sha256,
    conversationId: row.conversation_id ?? undefined,
    seq: row.seq === null ? undefined : Number(row.seq),
    createdAtMs: row.created_at.getTime(),
    isComplete: row.completed_at !== null,
  }));
}
