import { sql } from 'kysely';
import type { UserDataPart } from '../../../ports/user-data.ts';
import type { UseDatabase } from '../database-access.ts';
import { sqlPart } from './sql-part.ts';

const batch = 500;

/** What the user has reported. What others have reported of the user goes to the company's service, and is not kept. */
export function reportData(use: UseDatabase): UserDataPart {
  return sqlPart(use, 'reports', {
    exports: async function* (userId, signal) {
      signal.throwIfAborted();
      const { rows } = await use((db) =>
        sql<{ data: Record<string, unknown> }>`
          SELECT jsonb_build_object('conversationId', conversation_id, 'seq', seq, 'reason', reason, 'comment', comment, 'reportedAt', reported_at) AS data
          FROM chat_reports WHERE reporter_id = ${userId} ORDER BY conversation_id, seq`.execute(db),
      );
      for (const { data } of rows) yield { kind: 'report', data };
    },
    erase: async (tx, { userId, beforeMs }) => {
      const { numAffectedRows } = await sql`DELETE FROM chat_reports WHERE id IN (
        SELECT id FROM chat_reports WHERE reporter_id = ${userId} AND reported_at < ${new Date(beforeMs)} LIMIT ${batch})`.execute(tx);
      const reports = Number(numAffectedRows);
      return { erased: { reports }, place: undefined, isDone: reports < batch };
    },
  });
}
