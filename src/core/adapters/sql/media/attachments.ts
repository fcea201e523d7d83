import { sql } from 'kysely';
import type { Attachments } from '../../../ports/attachments.ts';
import type { UseDatabase } from '../database-access.ts';
import { type AttachmentRow, attachmentObject, attachmentOf } from './attachment-rows.ts';
import { beginUpload, readUpload } from './begin-upload.ts';
import { collecting } from './garbage-queries.ts';
import { findAttachment } from './who-may-download.ts';

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
