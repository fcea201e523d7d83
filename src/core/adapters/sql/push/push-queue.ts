import { sql } from 'kysely';
import { repeatMsLeast, waitingMax } from '../../../ports/push-limits.ts';
import type { PushQueue } from '../../../ports/push-queue.ts';
import type { UseDatabase } from '../database-access.ts';
import { recordPushes } from './apply-push-results.ts';
import { leasePushes } from './lease-pushes.ts';
import { isAlive, isWanted, type SessionLife } from './which-messages-are-pushed.ts';

/** Members of the conversations of one expansion, unless one of them alone has more: for the sake of its duration. */
const membersMax = 10_000;

/** Pushes in PostgreSQL, or in PGlite, which is PostgreSQL. */
export function sqlPushQueue(use: UseDatabase, { life, expireMs }: { readonly life: SessionLife; readonly expireMs: number }): PushQueue {
  const hasRoom = sql`(SELECT count(*) FROM (SELECT FROM push_queue q WHERE q.session_id = t.session_id LIMIT ${sql.lit(waitingMax)}) AS few) < ${sql.lit(waitingMax)}`;
  return {
    expand: (most) =>
      use(async (db) => {
        const { rows } = await sql<{ messages: bigint; pushes: bigint }>`
          WITH taken AS MATERIALIZED (
            SELECT conversation_id, seq, due_at FROM chat_outbox WHERE due_at <= clock_timestamp()
            ORDER BY due_at LIMIT ${most} FOR UPDATE SKIP LOCKED
          ), sized AS (
            SELECT o.conversation_id, o.seq, sum(c.members_count) OVER (ORDER BY o.due_at, o.conversation_id, o.seq) - c.members_count AS before
            FROM taken o LEFT JOIN chat_conversations c ON c.id = o.conversation_id
          ), message AS (
            DELETE FROM chat_outbox o USING sized z
            WHERE o.conversation_id = z.conversation_id AND o.seq = z.seq AND coalesce(z.before, 0) < ${sql.lit(membersMax)}
            RETURNING o.conversation_id, o.seq
          ), pushed AS (
            INSERT INTO push_queue (session_id, provider, kind, conversation_id, seq, due_at, expires_at)
            SELECT t.session_id, t.provider, 'message', e.conversation_id, e.seq, now(), now() + ${expireMs} * interval '1 ms'
            FROM message o
            JOIN chat_events e ON e.conversation_id = o.conversation_id AND e.seq = o.seq
            JOIN chat_members m ON m.conversation_id = o.conversation_id
            JOIN push_tokens t ON t.user_id = m.user_id
            JOIN sessions s ON s.id = t.session_id
            WHERE ${isWanted} AND ${isAlive(life)} AND ${hasRoom}
            ORDER BY o.seq
            RETURNING 1
          )
          SELECT (SELECT count(*) FROM message) AS messages, (SELECT count(*) FROM pushed) AS pushes`.execute(db);
        return { messages: Number(rows[0]?.messages), pushes: Number(rows[0]?.pushes) };
      }),
    lease: (...wish) => use((db) => leasePushes(db, life, wish)),
    record: (results) => use((db) => recordPushes(db, results)),
    notify: (userId, notice, { requestKey, expireMs: ttlMs }) =>
      use(async (db) => {
        const { rows } = await sql<{ devices: bigint }>`
          WITH noted AS (
            INSERT INTO push_notices (user_id, request_key, content, expires_at)
            SELECT ${userId}, ${requestKey ?? null}, ${JSON.stringify(notice)}::jsonb, now() + ${Math.max(ttlMs, repeatMsLeast)} * interval '1 ms'
            WHERE ${requestKey ?? null}::text IS NOT NULL OR EXISTS (SELECT FROM push_tokens t WHERE t.user_id = ${userId})
            ON CONFLICT (request_key) DO NOTHING RETURNING id
          ), device AS MATERIALIZED (
            SELECT t.session_id, t.provider FROM push_tokens t JOIN sessions s ON s.id = t.session_id
            WHERE t.user_id = ${userId} AND ${isAlive(life)}
          ), pushed AS (
            INSERT INTO push_queue (session_id, provider, kind, notice_id, due_at, expires_at)
            SELECT t.session_id, t.provider, 'notice', n.id, now(), now() + ${ttlMs} * interval '1 ms'
            FROM noted n, device t WHERE ${hasRoom}
          )
          SELECT count(*) AS devices FROM device`.execute(db);
        return Number(rows[0]?.devices);
      }),
    forget: (most) =>
      use(async (db) => {
        let deleted = 0n;
        for (const table of ['push_queue', 'push_notices'] as const) {
          const { numAffectedRows = 0n } = await sql`DELETE FROM ${sql.table(table)} WHERE ctid IN (
            SELECT ctid FROM ${sql.table(table)} WHERE expires_at < now() LIMIT ${most} FOR UPDATE SKIP LOCKED)`.execute(db);
          deleted += numAffectedRows;
        }
        return Number(deleted);
      }),
    lagMs: () =>
      use(async (db) => {
        const { rows } = await sql<{ lag: number }>`SELECT coalesce(extract(epoch FROM clock_timestamp() - least(
            (SELECT min(due_at) FROM chat_outbox), (SELECT min(due_at) FROM push_queue))) * 1000, 0)::float8 AS lag`.execute(db);
        return Math.max(0, Math.round(rows[0]?.lag ?? 0));
      }),
  };
}
