import { createHmac } from 'node:crypto';
import { sql, type Transaction } from 'kysely';
import type { ChatSubject } from '../../../ports/chat-announcements.ts';
import type { ErasedCounts, Erasure, Place } from '../../../ports/user-data.ts';
import { heir } from '../chat/change-members.ts';
import { raiseUsers } from '../chat/lock-users.ts';
import type { Database } from '../database-tables.ts';
import type { SqlStep } from './sql-part.ts';

type Tx = Transaction<Database>;
type Announce = (subject: ChatSubject, seqs: readonly [first: number, last: number]) => void;
type Conversation = { last_seq: bigint; members_count: number; at: Date };
type Events = readonly [first: number, last: number] | undefined;

/** Events that one step looks at, by their numbers, and rows of other tables. */
const window = 1_000;
/** Who erases, to whoever reads. */
const eraser = 'erasure';

/** Who the user was in a conversation: the same in all of its events, and in no other conversation. */
function nameInPlaceOf({ secret }: Pick<Erasure, 'secret'>, conversationId: string): string {
  return `erased:${createHmac('sha256', secret).update(conversationId).digest('base64url').slice(0, 22)}`;
}

/**
 * A step in one conversation: the membership ends; then the events up to that one, some at a time; what of the user was
 * sent under which client ids; the rest. One that nobody else can read is deleted.
 */
export async function eraseConversation(tx: Tx, erasure: Erasure, place: NonNullable<Place>, announce: Announce): Promise<SqlStep> {
  const conversationId = String(place.conversationId);
  const { rows } = await sql<Conversation>`
    SELECT last_seq, members_count, greatest(date_trunc('milliseconds', clock_timestamp()), last_at) AS at
    FROM chat_conversations WHERE id = ${conversationId} FOR UPDATE`.execute(tx);
  const [conversation] = rows;
  const next = { erased: {}, place: { after: conversationId }, isDone: false };
  if (conversation === undefined) return next; // deleted meanwhile
  const parts = { tx, conversationId, conversation, erasure, name: nameInPlaceOf(erasure, conversationId), before: new Date(erasure.beforeMs) };
  const { doing = 'leave', seq = 0, upTo = 0 } = place;
  switch (doing) {
    case 'leave': {
      const left = await leave(parts);
      const started = { conversationId, doing: 'events', seq: 0, upTo: left.upTo };
      return { erased: left.erased, place: started, isDone: false, afterwards: () => tell(left.events) };
    }
    case 'events': {
      const to = Math.min(Number(seq) + window, Number(upTo));
      const { erased, events } = (await isAlone(parts)) ? await deleteEvents(parts, Number(seq), to) : await eraseEvents(parts, Number(seq), to);
      const further: Place = to < Number(upTo) ? { conversationId, doing, seq: to, upTo } : { conversationId, doing: 'sent', upTo };
      return { erased, place: further, isDone: false, afterwards: () => tell(events) };
    }
    case 'sent': {
      const { numAffectedRows } = await sql`DELETE FROM chat_sent WHERE conversation_id = ${conversationId} AND sender_kind = 'user'
        AND sender_id = ${erasure.userId} AND client_id IN (SELECT client_id FROM chat_sent WHERE conversation_id = ${conversationId}
          AND sender_kind = 'user' AND sender_id = ${erasure.userId} AND seq <= ${Number(upTo)} LIMIT ${window})`.execute(tx);
      const sent = Number(numAffectedRows);
      return { erased: { clientIds: sent }, place: sent < window ? { conversationId, doing: 'end' } : place, isDone: false };
    }
    default:
      return { ...next, erased: await endConversation(parts) };
  }

  function tell(events: Events): void {
    if (events !== undefined) announce({ conversationId }, events);
  }
}

type Parts = {
  readonly tx: Tx;
  readonly conversationId: string;
  readonly conversation: Conversation;
  readonly erasure: Erasure;
  readonly name: string;
  readonly before: Date;
};

/** Nothing of the user is appended after this, unless somebody adds the user again. */
async function leave({ tx, conversationId, conversation, erasure: { userId }, name, before }: Parts): Promise<Erased & { readonly upTo: number }> {
  const lastSeq = Number(conversation.last_seq);
  await sql`DELETE FROM chat_hidden WHERE conversation_id = ${conversationId} AND user_id = ${userId} AND seq <= ${lastSeq}`.execute(tx);
  await sql`DELETE FROM chat_devices WHERE conversation_id = ${conversationId} AND user_id = ${userId}`.execute(tx);
  const { rows } = await sql<{ role: string }>`UPDATE chat_members SET left_seq = ${lastSeq + 1}, xid = pg_current_xact_id()
    WHERE conversation_id = ${conversationId} AND user_id = ${userId} AND left_seq IS NULL AND joined_at < ${before} RETURNING role`.execute(tx);
  if (rows[0] === undefined) return { upTo: lastSeq, erased: {}, events: undefined };
  const heirs = rows[0].role === 'owner' ? await heir(tx, conversationId) : [];
  const changes = [{ userId: name }, ...heirs];
  await raiseUsers(
    tx,
    conversationId,
    heirs.map(({ userId }) => userId),
  );
  await sql`INSERT INTO chat_events (conversation_id, seq, event_id, kind, sender_kind, sender_id, changes, sent_at)
    VALUES (${conversationId}, ${lastSeq + 1}, gen_random_uuid(), 'members', 'system', ${eraser}, ${JSON.stringify(changes)}::jsonb, ${conversation.at})`.execute(
    tx,
  );
  await raise(tx, conversationId, lastSeq + 1, conversation.at);
  await sql`UPDATE chat_conversations SET members_count = members_count - 1 WHERE id = ${conversationId}`.execute(tx);
  return { upTo: lastSeq + 1, erased: { memberships: 1 }, events: [lastSeq + 1, lastSeq + 1] };
}

/** Nobody is a member any more. */
async function isAlone({ tx, conversationId }: Parts): Promise<boolean> {
  const { rows } = await sql`SELECT FROM chat_members WHERE conversation_id = ${conversationId} AND left_seq IS NULL LIMIT 1`.execute(tx);
  return rows.length === 0;
}

type Erased = { readonly erased: ErasedCounts; readonly events: Events };

/** Of all senders: no one reads it. */
async function deleteEvents({ tx, conversationId, erasure: { userId } }: Parts, from: number, to: number): Promise<Erased> {
  const { rows } = await sql<{ messages: bigint; reactions: bigint }>`
    WITH gone AS (DELETE FROM chat_events WHERE conversation_id = ${conversationId} AND seq > ${from} AND seq <= ${to}
      RETURNING kind, sender_kind = 'user' AND sender_id = ${userId} AS own, removed, deleted_seq)
    SELECT count(*) FILTER (WHERE own AND kind = 'message' AND deleted_seq IS NULL) AS messages,
      count(*) FILTER (WHERE own AND kind = 'reaction' AND NOT removed) AS reactions FROM gone`.execute(tx);
  return { erased: { messages: Number(rows[0]?.messages), reactions: Number(rows[0]?.reactions) }, events: undefined };
}

/** Messages and reactions of the user are deleted by events like any other; their own events stay without the user. */
async function eraseEvents(
  { tx, conversationId, conversation, erasure: { userId }, name, before }: Parts,
  from: number,
  to: number,
): Promise<Erased> {
  const inWindow = sql`conversation_id = ${conversationId} AND seq > ${from} AND seq <= ${to} AND sent_at < ${before}`;
  const { rows } = await sql<{ messages: bigint; reactions: bigint }>`
    WITH own AS MATERIALIZED (
      SELECT seq, kind, (kind = 'message' AND deleted_seq IS NULL) OR (kind = 'reaction' AND NOT removed) AS lives
      FROM chat_events WHERE ${inWindow} AND sender_kind = 'user' AND sender_id = ${userId}
    ), deletion AS MATERIALIZED (
      SELECT seq AS target_seq, kind, ${conversation.last_seq}::bigint + row_number() OVER (ORDER BY seq) AS seq FROM own WHERE lives
    ), appended AS (
      INSERT INTO chat_events (conversation_id, seq, event_id, kind, sender_kind, sender_id, target_seq, sent_at)
      SELECT ${conversationId}::uuid, seq, gen_random_uuid(), 'delete', 'system', ${eraser}, target_seq, ${conversation.at} FROM deletion
    ), erased AS (
      UPDATE chat_events e SET sender_id = ${name}, client_id = NULL, text = NULL, data = NULL, attachment_ids = NULL,
        deleted_seq = coalesce(e.deleted_seq, CASE WHEN o.kind = 'message' THEN (SELECT d.seq FROM deletion d WHERE d.target_seq = o.seq) END),
        reaction = CASE WHEN o.kind = 'reaction' THEN '' END, removed = e.removed OR o.kind = 'reaction'
      FROM own o WHERE e.conversation_id = ${conversationId} AND e.seq = o.seq
    )
    SELECT count(*) FILTER (WHERE kind = 'message') AS messages, count(*) FILTER (WHERE kind = 'reaction') AS reactions FROM deletion`.execute(tx);
  await sql`UPDATE chat_events SET changes = (
      SELECT jsonb_agg(CASE WHEN x ->> 'userId' = ${userId} THEN x || jsonb_build_object('userId', ${name}::text) ELSE x END ORDER BY place)
      FROM jsonb_array_elements(changes) WITH ORDINALITY AS c (x, place))
    WHERE ${inWindow} AND kind = 'members' AND changes @> jsonb_build_array(jsonb_build_object('userId', ${userId}::text))`.execute(tx);
  await sql`DELETE FROM chat_reactions r WHERE conversation_id = ${conversationId} AND target_seq > ${from} AND target_seq <= ${to} AND user_id = ${userId}
    AND NOT EXISTS (SELECT FROM chat_events e WHERE e.conversation_id = r.conversation_id AND e.kind = 'reaction' AND e.target_seq = r.target_seq
      AND e.sender_kind = 'user' AND e.sender_id = r.user_id AND e.seq > r.target_seq AND e.sent_at >= ${before})`.execute(tx);
  const [messages, reactions] = [Number(rows[0]?.messages), Number(rows[0]?.reactions)];
  const first = Number(conversation.last_seq) + 1;
  const last = first + messages + reactions - 1;
  if (last >= first) await raise(tx, conversationId, last, conversation.at);
  return { erased: { messages, reactions }, events: last < first ? undefined : [first, last] };
}

async function raise(tx: Tx, conversationId: string, lastSeq: number, at: Date): Promise<void> {
  await sql`UPDATE chat_conversations SET last_seq = ${lastSeq}, last_at = ${at}, xid = pg_current_xact_id() WHERE id = ${conversationId}`.execute(
    tx,
  );
}

/** The conversation itself: its creation, its pair, and the membership that has ended. */
async function endConversation(parts: Parts): Promise<ErasedCounts> {
  const { tx, conversationId, erasure, name, before } = parts;
  const { userId } = erasure;
  if (await isAlone(parts)) {
    await sql`DELETE FROM chat_outbox WHERE conversation_id = ${conversationId}`.execute(tx);
    await sql`DELETE FROM chat_conversations WHERE id = ${conversationId}`.execute(tx);
    return { conversations: 1 };
  }
  await sql`DELETE FROM chat_members WHERE conversation_id = ${conversationId} AND user_id = ${userId} AND joined_at < ${before}`.execute(tx);
  const by = `user:${userId}`;
  await sql`UPDATE chat_conversations SET
      title = CASE WHEN created_by = ${by} THEN '' ELSE title END,
      created_key = CASE WHEN created_by = ${by} THEN gen_random_uuid()::text ELSE created_key END,
      created_hash = sha256(uuid_send(gen_random_uuid())),
      created_by = CASE WHEN created_by = ${by} THEN ${`user:${name}`} ELSE created_by END,
      subject = CASE WHEN substr(subject, strpos(subject, ':') + 1) = ${userId} 
        THEN left(left(subject, strpos(subject, ':')) || ${name}, 200) ELSE subject END,
      low_user_id = CASE WHEN ${userId} IN (low_user_id, high_user_id)
        THEN least(CASE WHEN low_user_id = ${userId} THEN high_user_id ELSE low_user_id END, ${name}::text COLLATE "C") ELSE low_user_id END,
      high_user_id = CASE WHEN ${userId} IN (low_user_id, high_user_id)
        THEN greatest(CASE WHEN low_user_id = ${userId} THEN high_user_id ELSE low_user_id END, ${name}::text COLLATE "C") ELSE high_user_id END
    WHERE id = ${conversationId} AND created_at < ${before}`.execute(tx);
  return {};
}
