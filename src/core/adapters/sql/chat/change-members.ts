import { randomUUID } from 'node:crypto';
import { sql, type Transaction } from 'kysely';
import { Fault } from '../../../kit/fault.ts';
import type { ChatEvent, Role, Sender } from '../../../ports/chat.ts';
import { membersMax } from '../../../ports/chat-limits.ts';
import type { UseDatabase } from '../database-access.ts';
import type { Database } from '../database-tables.ts';
import { unknownConversation } from './append-events.ts';
import { checkOnce, insertUsers, raiseUsers } from './lock-users.ts';
import { checkRoom, checkWilling } from './who-may-be-added.ts';

type Change = NonNullable<ChatEvent['changes']>[number];
type Wish = { readonly eventId: string; readonly changes: readonly Change[] };
type Recorded = {
  readonly by: Sender;
  readonly eventId: string;
  readonly wished: readonly Change[];
  /** Those who come, or come back. */
  readonly added: readonly string[];
  /** Of members, afterwards. */
  readonly count: number;
  readonly losesOwner: boolean;
};
type Locked = { kind: string; last_seq: bigint; last_number: bigint; members_count: number; at: Date };

/** See `ChatStore.changeMembers`. */
export async function changeMembers(
  use: UseDatabase,
  conversationId: string,
  by: Sender,
  { eventId, changes }: Wish,
): Promise<ChatEvent | undefined> {
  checkOnce('changes', changes);
  return use((db) =>
    db.transaction().execute(async (tx) => {
      const conversation = await lock(tx, conversationId);
      const roles = await rolesOf(tx, conversationId, [...changes.map(({ userId }) => userId), by.id]);
      if (conversation === undefined || (by.kind === 'user' && !roles.has(by.id))) throw unknownConversation();
      if (conversation.kind === 'direct' && changes.some(({ userId, role }) => role !== undefined || (by.kind === 'user' && userId !== by.id)))
        throw new Fault('CHAT_FORBIDDEN', 'A direct conversation is left by each of its two users. Whoever opens it again comes back.');
      const wished = changes.filter(({ userId, role }) => roles.get(userId) !== role);
      if (by.kind === 'user') checkRights(by.id, roles, wished);
      if (wished.length === 0) return undefined;
      const added = wished.filter(({ userId }) => !roles.has(userId)).map(({ userId }) => userId);
      const count = conversation.members_count + added.length - wished.filter(({ role }) => role === undefined).length;
      if (count > membersMax)
        throw new Fault('MEMBERS_TOO_MANY', `A group has at most ${membersMax} members.`, { metadata: { most: String(membersMax) } });
      const losesOwner = conversation.kind === 'group' && wished.some(({ userId }) => roles.get(userId) === 'owner');
      return record(tx, conversationId, conversation, { by, eventId, wished, added, count, losesOwner });
    }),
  );
}

/**
 * Brings back who has left a direct conversation, for a user who opens it again.
 * @returns the change; undefined: both are there
 */
export async function bringBack(
  tx: Transaction<Database>,
  conversationId: string,
  by: Sender,
  userIds: readonly string[],
): Promise<ChatEvent | undefined> {
  const conversation = await lock(tx, conversationId);
  const there = await rolesOf(tx, conversationId, userIds);
  const added = userIds.filter((userId) => !there.has(userId));
  if (conversation === undefined || added.length === 0) return undefined;
  const wished = added.map((userId) => ({ userId, role: 'member' }) as const);
  return record(tx, conversationId, conversation, { by, eventId: randomUUID(), wished, added, count: there.size + added.length, losesOwner: false });
}

async function lock(tx: Transaction<Database>, conversationId: string): Promise<Locked | undefined> {
  const { rows } = await sql<Locked>`
    SELECT kind, last_seq, last_number, members_count, greatest(date_trunc('milliseconds', clock_timestamp()), last_at) AS at
    FROM chat_conversations WHERE id = ${conversationId} FOR UPDATE`.execute(tx);
  return rows[0];
}

/** Changes the members, and appends the event that says so. */
async function record(
  tx: Transaction<Database>,
  conversationId: string,
  conversation: Locked,
  { by, eventId, wished, added, count, losesOwner }: Recorded,
): Promise<ChatEvent> {
  await checkWilling(tx, conversationId, by, added);
  await apply(tx, conversationId, conversation, wished);
  const done = losesOwner ? [...wished, ...(await heir(tx, conversationId))] : wished;
  await raiseUsers(
    tx,
    conversationId,
    done.map(({ userId }) => userId),
  );
  await checkRoom(tx, by, added);
  const seq = Number(conversation.last_seq) + 1;
  await sql`INSERT INTO chat_events (conversation_id, seq, event_id, kind, sender_kind, sender_id, changes, sent_at)
    VALUES (${conversationId}, ${seq}, ${eventId}, 'members', ${by.kind}, ${by.id}, ${JSON.stringify(done)}::jsonb, ${conversation.at})`.execute(tx);
  await sql`UPDATE chat_conversations SET last_seq = ${seq}, last_at = ${conversation.at}, members_count = ${count}, xid = pg_current_xact_id()
    WHERE id = ${conversationId}`.execute(tx);
  return { conversationId, seq, eventId, kind: 'members', sender: by, sentAtMs: conversation.at.getTime(), changes: done };
}

/** Of those who are members now. */
async function rolesOf(tx: Transaction<Database>, conversationId: string, userIds: readonly string[]): Promise<ReadonlyMap<string, Role>> {
  const { rows } = await sql<{ user_id: string; role: Role }>`SELECT user_id, role FROM chat_members
    WHERE conversation_id = ${conversationId} AND user_id = ANY(${[...userIds]}::text[]) AND left_seq IS NULL`.execute(tx);
  return new Map(rows.map(({ user_id: userId, role }) => [userId, role]));
}

/** @throws Fault CHAT_FORBIDDEN */
function checkRights(me: string, roles: ReadonlyMap<string, Role>, wished: readonly Change[]): void {
  const mine = roles.get(me);
  for (const { userId, role } of wished) {
    const leaves = userId === me && role === undefined;
    const ofOwners = role === 'owner' || roles.get(userId) === 'owner';
    if (!leaves && (mine === 'member' || (ofOwners && mine !== 'owner')))
      throw new Fault('CHAT_FORBIDDEN', ofOwners ? 'Only owners make, change and remove owners.' : 'Only owners and admins change members.');
  }
}

async function apply(tx: Transaction<Database>, conversationId: string, conversation: Locked, wished: readonly Change[]): Promise<void> {
  const { last_seq: lastSeq, last_number: lastNumber } = conversation;
  const left = wished.filter(({ role }) => role === undefined).map(({ userId }) => userId);
  await sql`UPDATE chat_members SET left_seq = ${lastSeq}::bigint + 1, xid = pg_current_xact_id()
    WHERE conversation_id = ${conversationId} AND user_id = ANY(${left}::text[]) AND left_seq IS NULL`.execute(tx);
  const stay = wished.filter(({ role }) => role !== undefined);
  await insertUsers(
    tx,
    stay.map(({ userId }) => userId),
  );
  // whoever comes, or comes back, sees what comes after; whoever is there keeps all but the role
  await sql`INSERT INTO chat_members AS m (conversation_id, user_id, role, after_seq, delivered_seq, read_seq, read_number)
    SELECT ${conversationId}::uuid, x."userId", x.role, ${lastSeq}::bigint, ${lastSeq}::bigint, ${lastSeq}::bigint, ${lastNumber}::bigint
    FROM jsonb_to_recordset(${JSON.stringify(stay)}::jsonb) AS x ("userId" text, role text) ORDER BY x."userId"
    ON CONFLICT (conversation_id, user_id) DO UPDATE SET role = EXCLUDED.role, left_seq = NULL, xid = pg_current_xact_id(),
      joined_at = CASE WHEN m.left_seq IS NULL THEN m.joined_at ELSE clock_timestamp() END,
      after_seq = CASE WHEN m.left_seq IS NULL THEN m.after_seq ELSE EXCLUDED.after_seq END,
      delivered_seq = CASE WHEN m.left_seq IS NULL THEN m.delivered_seq ELSE EXCLUDED.delivered_seq END,
      read_seq = CASE WHEN m.left_seq IS NULL THEN m.read_seq ELSE EXCLUDED.read_seq END,
      read_number = CASE WHEN m.left_seq IS NULL THEN m.read_number ELSE EXCLUDED.read_number END`.execute(tx);
}

/** A group that has lost its last owner gets the longest member. One that never had any is its services'. */
export async function heir(tx: Transaction<Database>, conversationId: string): Promise<readonly Change[]> {
  const { rows } = await sql<{ user_id: string }>`UPDATE chat_members SET role = 'owner', xid = pg_current_xact_id()
    WHERE conversation_id = ${conversationId}
      AND NOT EXISTS (SELECT FROM chat_members WHERE conversation_id = ${conversationId} AND left_seq IS NULL AND role = 'owner')
      AND user_id = (SELECT user_id FROM chat_members WHERE conversation_id = ${conversationId} AND left_seq IS NULL ORDER BY joined_at, user_id LIMIT 1)
    RETURNING user_id`.execute(tx);
  return rows.map(({ user_id: userId }) => ({ userId, role: 'owner' }));
}
