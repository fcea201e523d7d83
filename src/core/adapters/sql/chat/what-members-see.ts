import { type RawBuilder, sql } from 'kysely';
import type { ChatEvent, Membership, Role, Sender } from '../../../ports/chat.ts';
import { hiddenMax, unreadMax } from '../../../ports/chat-limits.ts';
import { type AttachmentRow, attachmentOf, attachmentsColumn } from '../media/attachment-rows.ts';
import { isShown } from './hidden-or-blocked.ts';

/** An event as `eventColumns` gives it. */
export type EventRow = {
  conversation_id: string;
  seq: bigint;
  event_id: string;
  kind: ChatEvent['kind'];
  number: bigint | null;
  sender_kind: Sender['kind'];
  sender_id: string;
  client_id: string | null;
  text: string | null;
  data: Buffer | null;
  attachments: AttachmentRow[] | null;
  reply_seq: bigint | null;
  edited_seq: bigint | null;
  deleted_seq: bigint | null;
  target_seq: bigint | null;
  reaction: string | null;
  removed: boolean;
  changes: ChatEvent['changes'] | null;
  sent_at: Date;
  hidden: boolean;
};

/**
 * Of `e`, an event, with `eventJoins`, for `m`, a member. An edit has no content of its own: it is given that of its
 * message. What is about a message that the member may not see is hidden like that: one that is older than the
 * membership, that the member has hidden, or whose sender the member has blocked.
 */
export const eventColumns = sql`e.conversation_id, e.seq, e.event_id, e.kind, e.number, e.sender_kind, e.sender_id, e.client_id,
  CASE WHEN e.kind = 'edit' THEN t.text ELSE e.text END AS text, CASE WHEN e.kind = 'edit' THEN t.data ELSE e.data END AS data, e.reply_seq, e.edited_seq, e.deleted_seq, e.target_seq,
  e.reaction, e.removed, e.changes, e.sent_at, ${attachmentsColumn(sql`e.attachment_ids`)},
  h.seq IS NOT NULL OR e.target_seq <= m.after_seq OR b.user_id IS NOT NULL OR tb.user_id IS NOT NULL AS hidden`;

/** A deletion and a change of members have no words: those of a blocked sender are shown. */
export function eventJoins(userId: string): RawBuilder<unknown> {
  return sql`
    LEFT JOIN chat_events t ON e.target_seq IS NOT NULL AND t.conversation_id = e.conversation_id AND t.seq = e.target_seq
    LEFT JOIN LATERAL (SELECT seq FROM chat_hidden
      WHERE user_id = ${userId} AND conversation_id = e.conversation_id AND seq = coalesce(e.target_seq, e.seq) LIMIT 1) AS h ON true
    LEFT JOIN LATERAL (SELECT user_id FROM chat_blocks WHERE user_id = ${userId} AND blocked_id = e.sender_id AND e.sender_kind = 'user'
      AND e.kind IN ('message', 'edit', 'reaction') LIMIT 1) AS b ON true
    LEFT JOIN LATERAL (SELECT user_id FROM chat_blocks
      WHERE user_id = ${userId} AND blocked_id = t.sender_id AND t.sender_kind = 'user' LIMIT 1) AS tb ON true`;
}

export function eventOf(row: EventRow): ChatEvent {
  const { conversation_id: conversationId, event_id: eventId, kind } = row;
  const place = {
    conversationId,
    seq: Number(row.seq),
    eventId,
    number: numberOf(row.number),
    sender: { kind: row.sender_kind, id: row.sender_id },
    sentAtMs: row.sent_at.getTime(),
  };
  if (row.hidden) return { ...place, kind: 'hidden' };
  return {
    ...place,
    kind,
    clientId: row.client_id ?? undefined,
    text: row.text ?? undefined,
    data: row.data ?? undefined,
    ...(row.attachments && { attachments: row.attachments.map(attachmentOf) }),
    replySeq: numberOf(row.reply_seq),
    editedSeq: numberOf(row.edited_seq),
    deletedSeq: numberOf(row.deleted_seq),
    targetSeq: numberOf(row.target_seq),
    reaction: row.reaction ?? undefined,
    removed: row.removed,
    changes: row.changes ?? undefined,
  };
}

/**
 * The conversation of `m`. LIMIT keeps the planner from reading all conversations for a user who has many of them: each
 * is found by its index.
 */
export const conversationJoin = sql`CROSS JOIN LATERAL (SELECT * FROM chat_conversations WHERE id = m.conversation_id LIMIT 1) AS c`;

/** A membership as `membershipColumns` gives it. */
export type MembershipRow = {
  id: string;
  conversation_kind: 'direct' | 'group';
  subject: string;
  title: string;
  created_at: Date;
  last_seq: bigint;
  last_at: Date;
  members_count: number;
  expired_seq: bigint;
  role: Role;
  after_seq: bigint;
  read_seq: bigint;
  muted_until: Date | null;
  own_seq: bigint;
  hides: boolean;
  blocks_seq: bigint;
  unread: bigint;
  hidden_seqs: bigint[] | null;
};

/** Of `m`, an active member, and `c`, its conversation. */
export const membershipColumns = sql`c.id, c.kind AS conversation_kind, c.subject, c.title, c.created_at, c.last_seq, c.last_at, c.members_count, c.expired_seq,
  m.role, m.after_seq, m.read_seq, m.muted_until, m.own_seq, m.blocks_seq,
  EXISTS (SELECT FROM chat_hidden h WHERE h.user_id = m.user_id AND h.conversation_id = m.conversation_id) AS hides`;

/** Unread messages are looked for among the newest ones: those of the user and of who is blocked lie between. */
const lookedAtMax = 10_000;

/** Of `m`: messages of others that are not read, not deleted and not hidden, and of nobody who is blocked. */
export function unreadColumn(lastNumber: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`(SELECT count(*) FROM (SELECT FROM chat_events u
    WHERE u.conversation_id = m.conversation_id AND u.number > greatest(m.read_number, ${lastNumber} - ${sql.lit(lookedAtMax)})
      AND u.deleted_seq IS NULL AND NOT (u.sender_kind = 'user' AND u.sender_id = m.user_id)
      AND ${isShown('u', sql`m.user_id`)}
    LIMIT ${sql.lit(unreadMax)}) AS few) AS unread`;
}

export function membershipOf(row: MembershipRow): Membership {
  const { id, conversation_kind: kind, subject, title, role } = row;
  return {
    conversation: {
      id,
      kind,
      subject,
      title,
      createdAtMs: row.created_at.getTime(),
      lastSeq: Number(row.last_seq),
      membersCount: row.members_count,
      expiredSeq: Number(row.expired_seq),
    },
    role,
    afterSeq: Number(row.after_seq),
    readSeq: Number(row.read_seq),
    mutedUntilMs: row.muted_until?.getTime(),
    ownSeq: Number(row.own_seq),
    unread: Number(row.unread),
    hiddenSeqs: (row.hidden_seqs ?? []).map(Number),
    hides: row.hides,
    blocksSeq: Number(row.blocks_seq),
  };
}

function numberOf(value: bigint | null): number | undefined {
  return value === null ? undefined : Number(value);
}

/** Of `m`: the newest messages that were hidden after a place in the user's own order, or since a transaction. */
export function hiddenColumn(since: { readonly ownSeq: number } | { readonly xid: bigint }): RawBuilder<unknown> {
  const bound = 'xid' in since ? sql`h.xid >= ${String(since.xid)}::xid8` : sql`h.own_seq > ${since.ownSeq}`;
  return sql`(SELECT array_agg(few.seq ORDER BY few.seq) FROM (SELECT h.seq FROM chat_hidden h
    WHERE h.user_id = m.user_id AND h.conversation_id = m.conversation_id AND ${bound}
    ORDER BY h.seq DESC LIMIT ${sql.lit(hiddenMax + 1)}) AS few) AS hidden_seqs`;
}
