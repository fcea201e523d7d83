import { sql } from 'kysely';
import type { Sender } from '../../../ports/chat.ts';
import type { Report, ReportReason, Reports } from '../../../ports/reports.ts';
import { unknownConversation, unknownMessage } from '../chat/append-events.ts';
import { isShown } from '../chat/hidden-or-blocked.ts';
import type { UseDatabase } from '../database-access.ts';

type Message = {
  readonly kind: 'direct' | 'group';
  readonly subject: string;
  readonly sender_kind: Sender['kind'];
  readonly sender_id: string;
  readonly text: string;
  readonly data: string;
  readonly sent_at: number;
  readonly attachments: readonly string[];
};
type Row = {
  id: string;
  reporter_id: string;
  conversation_id: string;
  seq: bigint;
  reason: ReportReason;
  comment: string;
  message: Message;
  reported_at: Date;
  attempts: number;
};

const countedMax = 10_000;

/** Reports in PostgreSQL, or in PGlite, which is PostgreSQL. */
export function sqlReports(use: UseDatabase): Reports {
  return {
    report: (reporterId, { conversationId, seq, reason, comment }) =>
      use(async (db) => {
        const { rows } = await sql<{ known: boolean }>`
          WITH member AS MATERIALIZED (
            SELECT m.conversation_id, m.after_seq, c.kind, c.subject FROM chat_members m JOIN chat_conversations c ON c.id = m.conversation_id
            WHERE m.conversation_id = ${conversationId} AND m.user_id = ${reporterId} AND m.left_seq IS NULL
          ), seen AS MATERIALIZED (
            SELECT e.* , m.kind AS conversation_kind, m.subject
            FROM member m CROSS JOIN LATERAL (SELECT * FROM chat_events WHERE conversation_id = m.conversation_id AND seq = ${seq} LIMIT 1) AS e
            WHERE e.seq > m.after_seq AND e.number IS NOT NULL AND e.deleted_seq IS NULL
              AND ${isShown('e', sql`${reporterId}`)}
          ), stored AS (
            INSERT INTO chat_reports (reporter_id, conversation_id, seq, reason, comment, message, due_at)
            SELECT ${reporterId}, e.conversation_id, e.seq, ${reason}, ${comment}, jsonb_build_object('kind', e.conversation_kind,
              'subject', e.subject, 'sender_kind', e.sender_kind, 'sender_id', e.sender_id, 'text', coalesce(e.text, ''),
              'data', encode(coalesce(e.data, ''), 'base64'), 'sent_at', extract(epoch FROM e.sent_at) * 1000,
              'attachments', coalesce(to_jsonb(e.attachment_ids), '[]')), clock_timestamp()
            FROM seen e ON CONFLICT DO NOTHING RETURNING 1
          )
          SELECT EXISTS (SELECT FROM seen) OR EXISTS (SELECT FROM chat_reports r
            WHERE r.reporter_id = ${reporterId} AND r.conversation_id = m.conversation_id AND r.seq = ${seq}) AS known
          FROM member m`.execute(db);
        if (rows[0] === undefined) throw unknownConversation();
        if (!rows[0].known) throw unknownMessage();
      }),
    lease: (most, leaseMs) =>
      use(async (db) => {
        const { rows } = await sql<Row>`
          WITH taken AS MATERIALIZED (SELECT id FROM chat_reports WHERE due_at <= clock_timestamp()
            ORDER BY due_at LIMIT ${most} FOR UPDATE SKIP LOCKED)
          UPDATE chat_reports r SET due_at = clock_timestamp() + ${leaseMs} * interval '1 ms', attempts = r.attempts + 1
          FROM taken WHERE r.id = taken.id
          RETURNING r.id, r.reporter_id, r.conversation_id, r.seq, r.reason, r.comment, r.message, r.reported_at, r.attempts`.execute(db);
        return rows.map(reportOf);
      }),
    delivered: (id) =>
      use(async (db) => {
        await sql`UPDATE chat_reports SET due_at = NULL, reason = NULL, comment = NULL, message = NULL WHERE id = ${id}`.execute(db);
      }),
    delay: (id, afterMs) =>
      use(async (db) => {
        await sql`UPDATE chat_reports SET due_at = clock_timestamp() + ${afterMs} * interval '1 ms' WHERE id = ${id} AND due_at IS NOT NULL`.execute(
          db,
        );
      }),
    waiting: () =>
      use(async (db) => {
        const { rows } = await sql<{ count: bigint; oldest: number }>`
          SELECT count(*) AS count, coalesce(extract(epoch FROM clock_timestamp() - min(few.reported_at)) * 1000, 0)::float8 AS oldest
          FROM (SELECT reported_at FROM chat_reports WHERE due_at IS NOT NULL ORDER BY due_at LIMIT ${sql.lit(countedMax)}) AS few`.execute(db);
        return { count: Number(rows[0]?.count), oldestMs: Math.max(0, Math.round(rows[0]?.oldest ?? 0)) };
      }),
  };
}

function reportOf({ id, reporter_id: reporterId, conversation_id: conversationId, seq, reason, comment, message, ...row }: Row): Report {
  const { kind, subject, text, data, attachments: attachmentIds } = message;
  return {
    ...{ id, reporterId, conversationId, seq: Number(seq), reason, comment, reportedAtMs: row.reported_at.getTime() },
    ...{ kind, subject, sender: { kind: message.sender_kind, id: message.sender_id }, text, data: Buffer.from(data, 'base64') },
    ...{ sentAtMs: Number(message.sent_at), attachmentIds, attempts: row.attempts - 1 },
  };
}
