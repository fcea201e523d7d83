import { type Kysely, sql } from 'kysely';
import type { Attachments, Found, Part } from '../../../ports/attachments.ts';
import type { UseDatabase } from '../database-access.ts';
import type { Database } from '../database-tables.ts';
import { type AttachmentRow, attachmentObject, attachmentOf, partsColumn, partsOf } from './attachment-rows.ts';
import { beginUpload, readUpload } from './begin-upload.ts';
import { collecting } from './garbage-queries.ts';

/** What is uploaded, in PostgreSQL, or in PGlite, which is PostgreSQL. */
export function sqlAttachments(use: UseDatabase): Attachments {
  return {
    begin: (...wish) => use((db) => beginUpload(db, ...wish)),
    upload: (id, ownerId) => use((db) => readUpload(db, id, ownerId)),
    find: (id, userId) => use((db) => findAttachment(db, id, userId)),
    add: (id, writer, { firstByte, sizeBytes, blob }) =>
      use(async (db) => {
        // the row's lock orders this call and one that takes over; the place of the part is asked for behind it
        const { rows } = await sql`
          WITH owned AS (
            UPDATE chat_attachments SET stored_at = clock_timestamp()
            WHERE id = ${id} AND writer = ${writer} AND completed_at IS NULL RETURNING id, size_bytes)
          INSERT INTO media_parts (attachment_id, first_byte, size_bytes, blob)
          SELECT id, ${firstByte}::bigint, ${sizeBytes}::bigint, ${blob} FROM owned WHERE ${firstByte}::bigint + ${sizeBytes}::bigint <= size_bytes
          RETURNING 1`.execute(db);
        return rows.length > 0;
      }),
    complete: (id, writer, contentType) =>
      use(async (db) => {
        const { rows } = await sql<{ attachment: AttachmentRow }>`
          UPDATE chat_attachments a SET content_type = ${contentType}, completed_at = clock_timestamp(), stored_at = clock_timestamp()
          WHERE id = ${id} AND writer = ${writer} AND completed_at IS NULL
            AND size_bytes = (SELECT sum(size_bytes) FROM media_parts WHERE attachment_id = a.id)
          RETURNING ${attachmentObject('a')} AS attachment`.execute(db);
        return rows[0] && attachmentOf(rows[0].attachment);
      }),
    drop: (id, writer) =>
      use(async (db) => {
        await sql`DELETE FROM chat_attachments WHERE id = ${id} AND writer = ${writer} AND completed_at IS NULL`.execute(db);
      }),
    ...collecting(use),
  };
}

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
