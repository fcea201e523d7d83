import { type Kysely, sql } from 'kysely';
import type { ChatStore, SyncPoint } from '../../../ports/chat.ts';
import type { Database } from '../database-tables.ts';
import { readForeign } from './chat-queries.ts';
import { conversationJoin } from './chat-rows.ts';

type Db = Kysely<Database>;

export async function readSyncPoint(db: Db, userId: string): Promise<SyncPoint> {
  const { rows } = await sql<{ id: string; xid: string; conversation_id: string | null; seq: bigint; event_id: string }>`
    SELECT d.id, pg_snapshot_xmin(pg_current_snapshot())::text AS xid, e.conversation_id, e.seq, e.event_id
    FROM chat_database d
    LEFT JOIN LATERAL (
      SELECT c.id, c.last_seq FROM chat_members m ${conversationJoin}
      WHERE m.user_id = ${userId} AND m.left_seq IS NULL ORDER BY c.last_at DESC LIMIT 1) AS n ON true
    LEFT JOIN chat_events e ON e.conversation_id = n.id AND e.seq = n.last_seq`.execute(db);
  const [row] = rows;
  if (row === undefined) throw new Error('chat_database has no row: the migration has made one.');
  const newest = row.conversation_id === null ? undefined : { conversationId: row.conversation_id, seq: Number(row.seq), eventId: row.event_id };
  return { databaseId: row.id, xid: BigInt(row.xid), newest };
}

export async function readSince(db: Db, userId: string, { databaseId, xid, newest }: SyncPoint, ownSeq: number): ReturnType<ChatStore['since']> {
  const { rows: known } = await sql`SELECT FROM chat_database
    WHERE id = ${databaseId}::uuid AND ${String(xid)}::xid8 <= pg_snapshot_xmax(pg_current_snapshot())`.execute(db);
  if (known.length === 0 || (newest !== undefined && (await readForeign(db, new Map([[newest.conversationId, newest]]))).length > 0))
    return undefined;
  const { rows } = await sql<{ id: string; seq: bigint }>`
    SELECT c.id, CASE WHEN c.xid < ${String(xid)}::xid8 THEN c.last_seq ELSE
      (SELECT min(e.seq) - 1 FROM chat_events e WHERE e.conversation_id = c.id AND e.xid >= ${String(xid)}::xid8) END AS seq
    FROM chat_members m ${conversationJoin}
    WHERE m.user_id = ${userId} AND m.left_seq IS NULL`.execute(db);
  const { rows: left } = await sql<{ id: string }>`SELECT conversation_id AS id FROM chat_members
    WHERE user_id = ${userId} AND own_seq > ${ownSeq} AND left_seq IS NOT NULL`.execute(db);
  return { positions: new Map(rows.map(({ id, seq }) => [id, Number(seq ?? 0)])), left: left.map(({ id }) => id) };
}
