import { sql } from 'kysely';
import type { UserDataPart, UserRecord } from '../../../ports/user-data.ts';
import type { UseDatabase } from '../database-access.ts';
import { rowsById, sqlPart } from './sql-part.ts';

const batch = 500;

/** What the user has uploaded. A trigger makes the blobs of an erased attachment garbage, which servers delete soon. */
export function attachmentData(use: UseDatabase): UserDataPart {
  return sqlPart(use, 'attachments', {
    exports: async function* (userId, signal) {
      const rows = rowsById(
        use,
        signal,
        (isAfter) =>
          sql<{ id: string; data: UserRecord['data'] }>`
          SELECT id, jsonb_build_object('attachmentId', id, 'conversationId', conversation_id, 'seq', seq, 'name', name,
            'contentType', content_type, 'sizeBytes', size_bytes, 'sha256', encode(sha256, 'hex'), 'createdAt', created_at) AS data
          FROM chat_attachments WHERE owner_id = ${userId} AND ${isAfter('id')} ORDER BY id LIMIT ${batch}`,
      );
      for await (const { data } of rows) yield { kind: 'attachment', data };
    },
    erase: async (tx, { userId, beforeMs }) => {
      const { numAffectedRows } = await sql`DELETE FROM chat_attachments WHERE id IN (
        SELECT id FROM chat_attachments WHERE owner_id = ${userId} AND created_at < ${new Date(beforeMs)} LIMIT ${batch})`.execute(tx);
      await sql`DELETE FROM media_usage WHERE owner_id = ${userId}`.execute(tx);
      const attachments = Number(numAffectedRows);
      return { erased: { attachments }, place: undefined, isDone: attachments < batch };
    },
  });
}
