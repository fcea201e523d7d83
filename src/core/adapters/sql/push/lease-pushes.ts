import { type Kysely, sql } from 'kysely';
import { badgeConversationsMax, textCharactersMax } from '../../../ports/push-limits.ts';
import type { Notice, Push, PushContent, PushQueue } from '../../../ports/push-queue.ts';
import type { PushProvider } from '../../../ports/push-tokens.ts';
import { conversationJoin, unreadColumn } from '../chat/what-members-see.ts';
import type { Database } from '../database-tables.ts';
import { isAlive, isWanted, type SessionLife } from './which-messages-are-pushed.ts';

type Row = {
  id: bigint;
  session_id: string;
  kind: PushContent['kind'];
  conversation_id: string | null;
  seq: bigint | null;
  notice_id: string | null;
  attempts: number;
  repeats: number;
  expires_at: Date;
  provider: PushProvider;
  token: string;
  topic: string;
  sandbox: boolean;
  quiet_zone: string | null;
  quiet_from: number | null;
  quiet_to: number | null;
  title: string | null;
  text: string | null;
  notice: Notice | null;
  wanted: boolean;
  badge: bigint | null;
  now_at: Date;
};

/** Takes pushes that are due, deletes those that are not wanted any more, and gives the others with what they say. */
export async function leasePushes(
  db: Kysely<Database>,
  life: SessionLife,
  [provider, most, leaseMs]: Parameters<PushQueue['lease']>,
): ReturnType<PushQueue['lease']> {
  const { rows } = await sql<Row>`
    WITH taken AS MATERIALIZED (
      SELECT id FROM push_queue WHERE provider = ${provider} AND due_at <= clock_timestamp()
      ORDER BY due_at, id LIMIT ${most} FOR UPDATE SKIP LOCKED
    ), leased AS (
      UPDATE push_queue q SET due_at = clock_timestamp() + ${leaseMs} * interval '1 ms', leased = true, repeats = q.repeats + q.leased::integer
      FROM taken WHERE q.id = taken.id
      RETURNING q.id, q.session_id, q.kind, q.conversation_id, q.seq, q.notice_id, q.attempts, q.repeats, q.expires_at
    ), badges AS MATERIALIZED (
      SELECT u.user_id, (SELECT sum(n.unread) FROM (
          SELECT ${unreadColumn(sql`c.last_number`)}
          FROM chat_members m ${conversationJoin}
          WHERE m.user_id = u.user_id AND m.left_seq IS NULL AND m.read_seq < c.last_seq AND (m.muted_until IS NULL OR m.muted_until <= now())
          ORDER BY c.last_at DESC LIMIT ${sql.lit(badgeConversationsMax)}) AS n) AS badge
      FROM (SELECT DISTINCT t.user_id FROM leased l JOIN push_tokens t ON t.session_id = l.session_id) AS u
    )
    SELECT l.*, t.provider, t.token, t.topic, t.sandbox, t.quiet_zone, t.quiet_from, t.quiet_to,
      c.title, left(e.text, ${sql.lit(textCharactersMax)}) AS text, n.content AS notice, b.badge, clock_timestamp() AS now_at,
      coalesce(l.expires_at > now() AND ${isAlive(life)} AND CASE l.kind WHEN 'message' THEN ${isWanted} ELSE true END, false) AS wanted
    FROM leased l
    JOIN push_tokens t ON t.session_id = l.session_id
    JOIN sessions s ON s.id = t.session_id
    LEFT JOIN chat_conversations c ON c.id = l.conversation_id
    LEFT JOIN chat_events e ON l.kind = 'message' AND e.conversation_id = l.conversation_id AND e.seq = l.seq
    LEFT JOIN chat_members m ON m.conversation_id = l.conversation_id AND m.user_id = t.user_id
    LEFT JOIN push_notices n ON n.id = l.notice_id
    LEFT JOIN badges b ON b.user_id = t.user_id
    ORDER BY l.id`.execute(db);
  const unwanted = rows.filter(({ wanted }) => !wanted).map(({ id }) => id);
  if (unwanted.length > 0) await sql`DELETE FROM push_queue WHERE id = ANY(${unwanted}::bigint[])`.execute(db);
  return { pushes: rows.filter(({ wanted }) => wanted).map(pushOf), unwanted: unwanted.length };
}

function pushOf(row: Row): Push {
  const { provider, token, topic, sandbox, quiet_zone: timeZone, quiet_from: fromMinute, quiet_to: toMinute } = row;
  const quietHours = timeZone === null || fromMinute === null || toMinute === null ? undefined : { timeZone, fromMinute, toMinute };
  return {
    id: String(row.id),
    sessionId: row.session_id,
    token: { provider, token, topic, sandbox, quietHours },
    content: contentOf(row),
    badge: Number(row.badge ?? 0n),
    attempts: row.attempts,
    repeats: row.repeats,
    expiresAtMs: row.expires_at.getTime(),
    nowMs: row.now_at.getTime(),
  };
}

function contentOf({ kind, conversation_id: conversationId, seq, title, text, notice_id: noticeId, notice }: Row): PushContent {
  if (kind === 'notice') return { kind, noticeId: noticeId as string, notice: notice as Notice };
  const place = { conversationId: conversationId as string, seq: Number(seq) };
  return kind === 'read' ? { kind, ...place } : { kind, ...place, title: title ?? '', text: text ?? '' };
}
