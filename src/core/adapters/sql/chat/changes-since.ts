import { type Kysely, sql } from 'kysely';
import type { ChatStore, MemberPlace, OwnChange, SyncPoint } from '../../../ports/chat.ts';
import type { Database } from '../database-tables.ts';
import { conversationJoin, hiddenColumn, type MembershipRow, membershipColumns, membershipOf, unreadColumn } from './what-members-see.ts';

type Db = Kysely<Database>;

export async function readSyncPoint(db: Db, userId: string): ReturnType<ChatStore['syncPoint']> {
  const { rows } = await sql<{ id: string | null; xid: string; conversation_id: string | null; seq: bigint; event_id: string }>`
    SELECT d.id, pg_snapshot_xmin(pg_current_snapshot())::text AS xid, e.conversation_id, e.seq, e.event_id
    FROM chat_database_id() AS d (id)
    LEFT JOIN LATERAL (
      SELECT c.id, c.last_seq FROM chat_members m ${conversationJoin}
      WHERE m.user_id = ${userId} AND m.left_seq IS NULL ORDER BY c.last_at DESC LIMIT 1) AS n ON true
    LEFT JOIN chat_events e ON e.conversation_id = n.id AND e.seq = n.last_seq`.execute(db);
  const [row] = rows;
  if (row === undefined || row.id === null) return undefined;
  const newest = row.conversation_id === null ? undefined : { conversationId: row.conversation_id, seq: Number(row.seq), eventId: row.event_id };
  return { databaseId: row.id, xid: BigInt(row.xid), newest };
}

export async function readSince(db: Db, userId: string, point: SyncPoint, { gapMax }: { readonly gapMax: number }): ReturnType<ChatStore['since']> {
  if (!(await isKnown(db, userId, point))) return undefined;
  const xid = sql`${String(point.xid)}::xid8`;
  // of more events than the client gets anyway, any that are enough: the index of transactions has them together
  const { rows } = await sql<{ id: string; seq: bigint }>`
    SELECT c.id, CASE WHEN c.xid < ${xid} THEN c.last_seq ELSE
      (SELECT min(few.seq) - 1 FROM (SELECT e.seq FROM chat_events e
        WHERE e.conversation_id = c.id AND e.xid >= ${xid} ORDER BY e.xid LIMIT ${gapMax + 1}) AS few) END AS seq
    FROM chat_members m ${conversationJoin}
    WHERE m.user_id = ${userId} AND m.left_seq IS NULL`.execute(db);
  return new Map(rows.map(({ id, seq }) => [id, Number(seq ?? 0)]));
}

export async function readDatabaseRun(db: Db): ReturnType<ChatStore['databaseRun']> {
  // as text a time has the time zone of its connection, and one that began before a change of settings has another
  const { rows } = await sql<{ id: string | null; started: string }>`
    SELECT chat_database_id() AS id, extract(epoch FROM pg_postmaster_start_time())::text AS started`.execute(db);
  return { databaseId: rows[0]?.id ?? undefined, startedAt: rows[0]?.started ?? '' };
}

/**
 * Whether the moment is of this history of this database. A backup that was restored as a copy of files keeps the
 * history: then the newest event of the moment, which may be lost, is a witness. It is looked for only where the user
 * is or was a member, because a token may be made up.
 */
async function isKnown(db: Db, userId: string, { databaseId, xid, newest }: SyncPoint): Promise<boolean> {
  const { conversationId = null, seq = 0, eventId = null } = newest ?? {};
  const { rows } = await sql`SELECT FROM chat_database_id() AS d (id)
    WHERE d.id = ${databaseId}::uuid AND ${String(xid)}::xid8 <= pg_snapshot_xmax(pg_current_snapshot())
      AND (${conversationId}::uuid IS NULL OR EXISTS (
        SELECT FROM chat_members m JOIN chat_conversations c ON c.id = m.conversation_id
        WHERE m.user_id = ${userId} AND m.conversation_id = ${conversationId}::uuid
          AND ${seq}::bigint <= coalesce(m.left_seq, c.last_seq)
          AND NOT EXISTS (SELECT FROM chat_events e
            WHERE e.conversation_id = c.id AND e.seq = ${seq}::bigint AND e.event_id <> ${eventId}::uuid)))`.execute(db);
  return rows.length > 0;
}

export async function readPlaces(db: Db, userId: string): Promise<readonly MemberPlace[]> {
  const { rows } = await sql<Pick<MembershipRow, 'id' | 'after_seq' | 'last_seq' | 'members_count' | 'expired_seq' | 'own_seq' | 'hides'>>`
    SELECT c.id, m.after_seq, c.last_seq, c.members_count, c.expired_seq, m.own_seq,
      EXISTS (SELECT FROM chat_hidden h WHERE h.user_id = m.user_id AND h.conversation_id = m.conversation_id) AS hides
    FROM chat_members m ${conversationJoin}
    WHERE m.user_id = ${userId} AND m.left_seq IS NULL`.execute(db);
  return rows.map(({ id, hides, ...row }) => ({
    conversationId: id,
    hides,
    afterSeq: Number(row.after_seq),
    lastSeq: Number(row.last_seq),
    membersCount: row.members_count,
    expiredSeq: Number(row.expired_seq),
    ownSeq: Number(row.own_seq),
  }));
}

export async function readOwnChanges(
  db: Db,
  userId: string,
  { after, most, endedSince, hiddenSince }: Parameters<ChatStore['ownChanges']>[1],
): Promise<readonly OwnChange[]> {
  const ended = endedSince === undefined ? sql`false` : sql`xid >= ${String(endedSince)}::xid8`;
  const { rows } = await sql<MembershipRow & { is_left: boolean }>`
    SELECT ${membershipColumns}, m.left_seq IS NOT NULL AS is_left, ${unreadColumn(sql`c.last_number`)}, ${hiddenColumn(hiddenSince)}
    FROM (SELECT * FROM chat_members WHERE user_id = ${userId} AND own_seq > ${after} AND (left_seq IS NULL OR ${ended})
      ORDER BY own_seq LIMIT ${most}) AS m ${conversationJoin}
    ORDER BY m.own_seq`.execute(db);
  return rows.map((row) => ({ ...membershipOf(row), isLeft: row.is_left }));
}
