import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { ChatPosition, ChatStore, HistoryPage, Membership, Role } from '../../../ports/chat.ts';
import type { Database } from '../database-tables.ts';
import { unknownConversation } from './append-events.ts';
import {
  conversationJoin,
  type EventRow,
  eventColumns,
  eventJoins,
  eventOf,
  hiddenColumn,
  type MembershipRow,
  membershipColumns,
  membershipOf,
  unreadColumn,
} from './what-members-see.ts';

type Db = Kysely<Database>;
type Result<Method extends keyof ChatStore> = Awaited<ReturnType<ChatStore[Method]>>;

export async function readList(db: Db, userId: string, { most, before }: Parameters<ChatStore['list']>[1]): Promise<Result<'list'>> {
  const following = before === undefined ? sql`` : sql`AND (c.last_at, c.id) < (${new Date(before.lastAtMs)}, ${before.id}::uuid)`;
  const { rows } = await sql<MembershipRow & Omit<EventRow, 'seq'> & { seq: bigint | null }>`
    SELECT m.id, m.conversation_kind, m.subject, m.title, m.created_at, m.last_seq, m.last_at, m.members_count, m.expired_seq,
      m.role, m.after_seq, m.read_seq, m.muted_until, m.own_seq, m.blocks_seq, m.hides, ${unreadColumn(sql`m.last_number`)}, NULL AS hidden_seqs, l.*
    FROM (
      SELECT ${membershipColumns}, m.user_id, m.conversation_id, m.read_number, c.last_number
      FROM chat_members m ${conversationJoin}
      WHERE m.user_id = ${userId} AND m.left_seq IS NULL ${following}
      ORDER BY c.last_at DESC, c.id DESC LIMIT ${most}) AS m
    LEFT JOIN LATERAL (
      SELECT ${eventColumns} FROM chat_events e ${eventJoins(userId)}
      WHERE e.conversation_id = m.conversation_id AND e.number = m.last_number AND e.seq > m.after_seq) AS l ON true
    ORDER BY m.last_at DESC, m.id DESC`.execute(db);
  return rows.map((row) => ({
    ...membershipOf(row),
    lastAtMs: row.last_at.getTime(),
    lastMessage: row.seq === null ? undefined : eventOf(row as EventRow),
  }));
}

export async function readJoined(
  db: Db,
  userId: string,
  { ids, hiddenAfter = Number.MAX_SAFE_INTEGER }: { readonly ids?: readonly string[]; readonly hiddenAfter?: number } = {},
): Promise<readonly Membership[]> {
  const named = ids === undefined ? sql`` : sql`AND m.conversation_id = ANY(${[...ids]}::uuid[])`;
  const { rows } = await sql<MembershipRow>`
    SELECT ${membershipColumns}, ${unreadColumn(sql`c.last_number`)}, ${hiddenColumn({ ownSeq: hiddenAfter })}
    FROM chat_members m ${conversationJoin}
    WHERE m.user_id = ${userId} AND m.left_seq IS NULL ${named}`.execute(db);
  return rows.map(membershipOf);
}

export async function readForeign(db: Db, positions: ReadonlyMap<string, ChatPosition>): Promise<readonly string[]> {
  const eventIds = [...positions.values()].map(({ eventId }) => (eventId === '' ? null : eventId));
  const seqs = [...positions.values()].map(({ seq }) => seq);
  const { rows } = await sql<{ id: string }>`
    SELECT p.id FROM unnest(${[...positions.keys()]}::uuid[], ${seqs}::bigint[], ${eventIds}::uuid[]) AS p (id, seq, event_id)
    LEFT JOIN LATERAL (SELECT id, last_seq FROM chat_conversations WHERE id = p.id LIMIT 1) AS c ON true
    WHERE c.id IS NULL OR c.last_seq < p.seq OR EXISTS (SELECT FROM chat_events e
      WHERE e.conversation_id = p.id AND e.seq = p.seq AND e.event_id <> p.event_id)`.execute(db);
  return rows.map(({ id }) => id);
}

export async function readHistory(db: Db, userId: string, conversationId: string, page: HistoryPage): Promise<Result<'history'>> {
  const events =
    'afterSeq' in page
      ? sql`chat_events_after(m.conversation_id, greatest(m.after_seq, ${page.afterSeq}::bigint), ${page.most})`
      : sql`chat_events_before(m.conversation_id, m.after_seq, ${page.beforeSeq ?? null}, ${page.most})`;
  const { rows } = await sql<EventRow>`
    SELECT ${eventColumns} FROM chat_members m CROSS JOIN LATERAL ${events} AS e ${eventJoins(userId)}
    WHERE m.conversation_id = ${conversationId} AND m.user_id = ${userId} AND m.left_seq IS NULL
    ORDER BY e.seq`.execute(db);
  if (rows.length === 0) await checkMember(db, userId, conversationId);
  return rows.map(eventOf);
}

export async function readMissing(
  db: Db,
  userId: string,
  from: ReadonlyMap<string, number>,
  { most, gapMax }: Parameters<ChatStore['missing']>[2],
): Promise<Result<'missing'>> {
  // a conversation after the other, by the order of the list: a page ends within one, and has all of those before
  const { rows } = await sql<EventRow>`
    SELECT l.* FROM unnest(${[...from.keys()]}::uuid[], ${[...from.values()]}::bigint[]) WITH ORDINALITY AS f (id, seq, place)
    CROSS JOIN LATERAL (
      SELECT * FROM chat_members WHERE conversation_id = f.id AND user_id = ${userId} AND left_seq IS NULL LIMIT 1) AS m
    ${conversationJoin}
    CROSS JOIN LATERAL (
      SELECT ${eventColumns} FROM chat_events_after(f.id, greatest(f.seq, m.after_seq, c.last_seq - ${gapMax}::bigint), ${most}) AS e
        ${eventJoins(userId)}
      ORDER BY e.seq) AS l
    ORDER BY f.place, l.seq LIMIT ${most}`.execute(db);
  return rows.map(eventOf);
}

export async function readMembers(
  db: Db,
  userId: string,
  conversationId: string,
  { most, afterId }: Parameters<ChatStore['members']>[2],
): Promise<Result<'members'>> {
  await checkMember(db, userId, conversationId);
  const { rows } = await sql<{ user_id: string; role: Role; joined_at: Date; delivered_seq: bigint; read_seq: bigint }>`
    SELECT m.user_id, m.role, m.joined_at, CASE WHEN ${isApart(userId)} THEN 0 ELSE m.delivered_seq END AS delivered_seq,
      CASE WHEN ${isApart(userId)} THEN 0 ELSE m.read_seq END AS read_seq
    FROM chat_members m
    WHERE m.conversation_id = ${conversationId} AND m.left_seq IS NULL AND m.user_id > ${afterId} ORDER BY m.user_id LIMIT ${most}`.execute(db);
  return rows.map((row) => ({
    conversationId,
    userId: row.user_id,
    role: row.role,
    joinedAtMs: row.joined_at.getTime(),
    deliveredSeq: Number(row.delivered_seq),
    readSeq: Number(row.read_seq),
  }));
}

export async function readTops(db: Db, ids: readonly string[], userIds: readonly string[]): Promise<Result<'tops'>> {
  const { rows } = await sql<{ id: string; top: bigint; is_user: boolean }>`
    SELECT id::text, last_seq AS top, false AS is_user FROM chat_conversations WHERE id = ANY(${[...ids]}::uuid[])
    UNION ALL SELECT user_id, last_own_seq, true FROM chat_users WHERE user_id = ANY(${[...userIds]}::text[])`.execute(db);
  const topsOf = (isUser: boolean) => new Map(rows.filter((row) => row.is_user === isUser).map(({ id, top }) => [id, Number(top)]));
  return { conversations: topsOf(false), users: topsOf(true) };
}

export async function readBlocksBetween(
  db: Db,
  userIds: readonly string[],
  blockedIds: readonly string[],
): Promise<readonly { userId: string; blockedId: string }[]> {
  const { rows } = await sql<{ userId: string; blockedId: string }>`
    SELECT user_id AS "userId", blocked_id AS "blockedId" FROM chat_blocks
    WHERE user_id = ANY(${[...userIds]}::text[]) AND blocked_id = ANY(${[...blockedIds]}::text[])`.execute(db);
  return rows;
}

export async function readApart(db: Db, userId: string, conversationId: string): Promise<Result<'apartFrom'>> {
  const { rows } = await sql<{ id: string }>`SELECT m.user_id AS id FROM chat_members m
    WHERE m.conversation_id = ${conversationId} AND m.left_seq IS NULL AND ${isApart(userId)}`.execute(db);
  return rows.map(({ id }) => id);
}

/**
 * Whether a user and `m`, a member, have nothing to do with each other, because one has blocked the other. LIMIT keeps
 * the planner from reading all blocks: each is found by its key.
 */
function isApart(userId: string): RawBuilder<boolean> {
  return sql`((SELECT true FROM chat_blocks b WHERE b.user_id = m.user_id AND b.blocked_id = ${userId} LIMIT 1) IS NOT NULL
    OR (SELECT true FROM chat_blocks b WHERE b.user_id = ${userId} AND b.blocked_id = m.user_id LIMIT 1) IS NOT NULL)`;
}

export async function readExpired(db: Db, conversationId: string): Promise<Result<'expiredSeq'>> {
  const { rows } = await sql<{ seq: bigint }>`SELECT expired_seq AS seq FROM chat_conversations WHERE id = ${conversationId}`.execute(db);
  return Number(rows[0]?.seq ?? 0);
}

export async function readBlocked(db: Db, userId: string): Promise<Result<'blocked'>> {
  const { rows } = await sql<{ id: string }>`SELECT blocked_id AS id FROM chat_blocks WHERE user_id = ${userId}`.execute(db);
  return new Set(rows.map(({ id }) => id));
}

/** @throws Fault CONVERSATION_UNKNOWN */
async function checkMember(db: Db, userId: string, conversationId: string): Promise<void> {
  const { rows } = await sql`SELECT FROM chat_members
    WHERE conversation_id = ${conversationId} AND user_id = ${userId} AND left_seq IS NULL`.execute(db);
  if (rows.length === 0) throw unknownConversation();
}
