import { type Kysely, sql } from 'kysely';
import type { PushResult } from '../../../ports/push-queue.ts';
import type { Database } from '../database-tables.ts';
import { clearReadPushes } from './clear-read-pushes.ts';
import { tokenHashOf } from './push-tokens.ts';

type Of<Became extends PushResult['became']> = Extract<PushResult, { readonly became: Became }>;
/** A token that was registered anew after it was dead: the push is tried with it once more after this. Milliseconds. */
const againMs = 60_000;

/** Applies results in one transaction: all of them, or none. */
export async function recordPushes(db: Kysely<Database>, results: readonly PushResult[]): Promise<void> {
  const of = <Became extends PushResult['became']>(became: Became) => results.filter((result): result is Of<Became> => result.became === became);
  const idsOf = (some: readonly PushResult[]) => some.map(({ id }) => id);
  await db.transaction().execute(async (tx) => {
    const [sent, dropped, delayed, dead] = [of('sent'), of('dropped'), of('delayed'), of('dead')];
    if (sent.length > 0) await recordSent(tx, idsOf(sent));
    if (dropped.length > 0) await sql`DELETE FROM push_queue WHERE id = ANY(${idsOf(dropped)}::bigint[])`.execute(tx);
    for (const { sessionId, token, deadAtMs } of dead)
      await sql`DELETE FROM push_tokens
        WHERE session_id = ${sessionId} AND token_hash = ${tokenHashOf(token)} AND registered_at <= ${new Date(deadAtMs)}`.execute(tx);
    const later = [...delayed, ...dead.map(({ id }) => ({ id, afterMs: againMs, counts: true, mayBeSent: false }))]; // of a dropped token there is none any more
    if (later.length > 0)
      await sql`UPDATE push_queue q SET due_at = clock_timestamp() + l.after_ms * interval '1 ms', leased = false,
          attempts = q.attempts + l.counts::integer, repeats = q.repeats + l.may_be_sent::integer
        FROM unnest(${later.map(({ id }) => id)}::bigint[], ${later.map(({ afterMs }) => afterMs)}::float8[],
          ${later.map(({ counts }) => counts)}::boolean[], ${later.map(({ mayBeSent }) => mayBeSent)}::boolean[]) AS l (id, after_ms, counts, may_be_sent)
        WHERE q.id = l.id`.execute(tx);
  });
}

/** Pushes that were accepted: what they show is kept, to be cleared when it is read. */
async function recordSent(tx: Kysely<Database>, ids: readonly string[]): Promise<void> {
  // whoever reads meanwhile sees what was pushed, or is seen here; the order is that of a receipt
  const { rows: members } = await sql<{ conversation_id: string; user_id: string }>`SELECT m.conversation_id, m.user_id FROM chat_members m
    WHERE (m.conversation_id, m.user_id) IN (
      SELECT q.conversation_id, t.user_id FROM push_queue q JOIN push_tokens t ON t.session_id = q.session_id
      WHERE q.id = ANY(${ids}::bigint[]) AND q.kind = 'message')
    ORDER BY m.conversation_id, m.user_id FOR SHARE`.execute(tx);
  await sql`WITH gone AS (DELETE FROM push_queue WHERE id = ANY(${ids}::bigint[]) RETURNING session_id, kind, conversation_id, seq)
    INSERT INTO push_shown AS p (session_id, conversation_id, oldest_seq, newest_seq)
    SELECT g.session_id, g.conversation_id, min(g.seq), max(g.seq) FROM gone g JOIN push_tokens t ON t.session_id = g.session_id
    WHERE g.kind = 'message' GROUP BY g.session_id, g.conversation_id ORDER BY g.session_id, g.conversation_id
    ON CONFLICT (session_id, conversation_id) DO UPDATE
      SET oldest_seq = least(p.oldest_seq, EXCLUDED.oldest_seq), newest_seq = greatest(p.newest_seq, EXCLUDED.newest_seq)`.execute(tx);
  const of = (key: keyof (typeof members)[number]) => members.map((member) => member[key]);
  await sql`SELECT ${clearReadPushes(sql`c.conversation_id`, sql`c.user_id`, sql`NULL`)} FROM (
    SELECT DISTINCT m.conversation_id, m.user_id
    FROM unnest(${of('conversation_id')}::uuid[], ${of('user_id')}::text[]) AS k (conversation_id, user_id)
    JOIN chat_members m ON m.conversation_id = k.conversation_id AND m.user_id = k.user_id
    JOIN push_tokens t ON t.user_id = m.user_id
    JOIN push_shown p ON p.session_id = t.session_id AND p.conversation_id = m.conversation_id AND p.oldest_seq <= m.read_seq
    ORDER BY m.conversation_id, m.user_id) AS c`.execute(tx);
}
