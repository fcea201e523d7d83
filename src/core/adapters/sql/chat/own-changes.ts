import { type Kysely, sql } from 'kysely';
import type { ChatStore, MemberPlace, OwnChange } from '../../../ports/chat.ts';
import type { Database } from '../database-tables.ts';
import { conversationJoin, hiddenColumn, type MembershipRow, membershipColumns, membershipOf, unreadColumn } from './chat-rows.ts';

type Db = Kysely<Database>;

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
