import { hash } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import { Fault } from '../../../kit/fault.ts';
import type { Appended, ChatStore, NewEntry } from '../../../ports/chat.ts';
import type { UseDatabase } from '../database-access.ts';
import type { Database } from '../database-tables.ts';
import { type AttachmentRow, attachmentOf, attachmentsColumn } from '../media/attachment-rows.ts';

type Outcome = 'appended' | 'repeated' | 'unknown' | 'reused' | 'expired' | 'target' | 'forbidden' | 'attachment';
export type AppendedRow = {
  outcome: Outcome;
  seq: bigint;
  number: bigint | null;
  event_id: string;
  sent_at: Date;
  attachments?: AttachmentRow[] | null;
};
type Waiter = { readonly conversationId: string; readonly entry: NewEntry; resolve(appended: Appended): void; reject(error: unknown): void };

/** Entries of one transaction. */
const entriesMax = 100;
/** Transactions at the same time: what comes while all are under way is committed together by the next one. */
const transactionsMax = 4;

/**
 * Appends to conversations. What comes while a transaction of its conversation is under way waits, and is committed
 * together: a conversation is one row lock, which only its own transactions wait for. Under load a transaction has the
 * entries of several conversations, whose rows are locked in the order of their ids.
 * @param pushAfterMs a message is due to be pushed after this long, as its transaction says; undefined: it never is
 */
export function openAppend(use: UseDatabase, pushAfterMs?: number): (conversationId: string, entry: NewEntry) => Promise<Appended> {
  const waiting = new Map<string, Waiter[]>();
  const busy = new Set<string>();
  let running = 0;
  let starts = false;

  const takeBatch = (): Waiter[] => {
    const batch: Waiter[] = [];
    for (const [conversationId, queue] of waiting) {
      if (batch.length === entriesMax) break;
      if (busy.has(conversationId)) continue;
      batch.push(...queue.splice(0, entriesMax - batch.length));
      busy.add(conversationId);
      if (queue.length === 0) waiting.delete(conversationId);
    }
    return batch;
  };
  const start = () => {
    starts = false;
    while (running < transactionsMax) {
      const batch = takeBatch();
      if (batch.length === 0) return;
      running++;
      void commit(use, batch, pushAfterMs).finally(() => {
        running--;
        for (const { conversationId } of batch) busy.delete(conversationId);
        start();
      });
    }
  };
  return (conversationId, entry) =>
    new Promise((resolve, reject) => {
      const queue = waiting.get(conversationId) ?? [];
      queue.push({ conversationId, entry, resolve, reject });
      waiting.set(conversationId, queue);
      if (starts || running === transactionsMax) return;
      starts = true;
      setImmediate(start); // all that one moment has brought is one transaction
    });
}

/** It never rejects. */
async function commit(use: UseDatabase, batch: readonly Waiter[], pushAfterMs: number | undefined): Promise<void> {
  const parts = [...Map.groupBy(batch, ({ conversationId }) => conversationId)].sort(([a], [b]) => (a < b ? -1 : 1));
  try {
    const rows = await use((db) => call(db, parts, pushAfterMs));
    for (const [i, { resolve, reject }] of parts.flatMap(([, waiters]) => waiters).entries()) {
      const row = rows[i] as AppendedRow;
      const refused = faultOf(row.outcome);
      if (refused === undefined) resolve(appendedOf(row));
      else reject(refused);
    }
  } catch (error) {
    // an entry that the database refuses takes the others with it: each conversation, then each entry, is tried alone
    if (batch.length === 1 || error instanceof Fault) for (const { reject } of batch) reject(error);
    else if (parts.length > 1) await Promise.all(parts.map(([, waiters]) => commit(use, waiters, pushAfterMs)));
    else for (const waiter of batch) await commit(use, [waiter], pushAfterMs);
  }
}

async function call(
  db: Kysely<Database>,
  parts: readonly (readonly [string, readonly Waiter[]])[],
  pushAfterMs: number | undefined,
): Promise<readonly AppendedRow[]> {
  const batches = JSON.stringify(parts.map(([id, waiters]) => ({ id, entries: waiters.map(({ entry }) => entryOf(entry)) })));
  // the function's own changes are not visible to its statement, and attachments were complete before it
  const attachments = parts.some(([, waiters]) => waiters.some(({ entry }) => entry.attachmentIds !== undefined))
    ? sql`, ${attachmentsColumn(sql`ARRAY(SELECT jsonb_array_elements_text(b.entries -> (a.place::integer - 1) -> 'attachments'))::uuid[]`)}`
    : sql``;
  const appended = sql`
    SELECT b.id, b.place AS batch, a.outcome, a.seq, a.number, a.event_id, a.sent_at, a.place${attachments}
    FROM ROWS FROM (jsonb_to_recordset(${batches}::jsonb) AS (id uuid, entries jsonb)) WITH ORDINALITY AS b (id, entries, place)
    CROSS JOIN LATERAL chat_append(b.id, b.entries) WITH ORDINALITY AS a (outcome, seq, number, event_id, sent_at, place)
    ORDER BY b.place, a.place`;
  const { rows } = await (pushAfterMs === undefined
    ? sql<AppendedRow>`${appended}`
    : sql<AppendedRow>`WITH appended AS MATERIALIZED (${appended}), due AS (
          INSERT INTO chat_outbox (conversation_id, seq, due_at) SELECT id, seq, clock_timestamp() + ${pushAfterMs} * interval '1 ms'
          FROM appended WHERE outcome = 'appended' AND number IS NOT NULL)
        SELECT * FROM appended ORDER BY batch, place`
  ).execute(db);
  return rows;
}

/** As `chat_append` takes it. */
function entryOf(entry: NewEntry) {
  const { kind, sender, clientId, eventId, text, data, replySeq, targetSeq, reaction, removed = false } = entry;
  return {
    kind,
    sender_kind: sender.kind,
    sender_id: sender.id,
    client_id: clientId,
    hash: hashOf(entry),
    text: kind === 'message' || kind === 'edit' ? (text ?? '') : undefined,
    data: base64(data),
    reply: replySeq,
    target: targetSeq,
    reaction,
    removed,
    event_id: eventId,
    attachments: entry.attachmentIds,
  };
}

/** By which a repeat is known. */
export function hashOf({
  kind,
  original,
  text,
  data,
  replySeq,
  targetSeq,
  reaction,
  removed = false,
  attachmentIds,
}: Omit<NewEntry, 'eventId'>): string {
  const sent = original ?? { text, data };
  const attached = attachmentIds === undefined ? [] : [attachmentIds]; // what has none has the hash that it had before there were any
  return hash('sha256', JSON.stringify([kind, sent.text, base64(sent.data), replySeq, targetSeq, reaction, removed, ...attached]), 'hex');
}

const base64 = (data: Uint8Array | undefined) => data && Buffer.from(data).toString('base64');

export function appendedOf({ outcome, seq, number, event_id: eventId, sent_at: sentAt, attachments }: AppendedRow): Appended {
  return {
    seq: Number(seq),
    number: number === null ? undefined : Number(number),
    eventId,
    sentAtMs: sentAt.getTime(),
    repeated: outcome === 'repeated',
    ...(attachments && { attachments: attachments.map(attachmentOf) }),
  };
}

export function faultOf(outcome: Outcome): Fault | undefined {
  switch (outcome) {
    case 'appended':
    case 'repeated':
      return undefined;
    case 'unknown':
      return unknownConversation();
    case 'reused':
      return reusedId();
    case 'expired':
      return new Fault('MESSAGE_EXPIRED', 'This was sent long ago, and is kept no longer: its repeat is not sent again.');
    case 'target':
      return unknownMessage();
    case 'forbidden':
      return new Fault('CHAT_FORBIDDEN', 'The message is of another sender.');
    case 'attachment':
      return new Fault('ATTACHMENT_UNUSABLE', 'The sender has not uploaded all of these attachments to this conversation, each for one message.');
  }
}

export function unknownConversation(): Fault {
  return new Fault('CONVERSATION_UNKNOWN', 'There is no such conversation, or you are not a member of it.');
}

export function unknownMessage(): Fault {
  return new Fault('MESSAGE_UNKNOWN', 'There is no such message, or it was deleted.');
}

export function reusedId(): Fault {
  return new Fault('MESSAGE_ID_REUSED', 'The client id belongs to something else that you have sent: use a new one.');
}

type Row = Omit<AppendedRow, 'outcome'> & { kind: 'direct' | 'group'; subject: string; same: boolean | null };

/** What a user has sent under this client id before. */
export async function sentBefore(
  db: Kysely<Database>,
  ...[conversationId, entry]: Parameters<ChatStore['sentBefore']>
): ReturnType<ChatStore['sentBefore']> {
  const { sender, clientId } = entry;
  const { rows } = await sql<Row>`
    SELECT c.kind, c.subject, s.seq, s.content_hash = decode(${hashOf(entry)}, 'hex') AS same, e.number, e.event_id, e.sent_at
    FROM chat_members m
    JOIN chat_conversations c ON c.id = m.conversation_id
    LEFT JOIN chat_sent s ON s.conversation_id = m.conversation_id AND s.sender_kind = ${sender.kind} AND s.sender_id = m.user_id
      AND s.client_id = ${clientId}
    LEFT JOIN chat_events e ON e.conversation_id = s.conversation_id AND e.seq = s.seq
    WHERE m.conversation_id = ${conversationId} AND m.user_id = ${sender.id} AND m.left_seq IS NULL`.execute(db);
  const [row] = rows;
  if (row === undefined) throw unknownConversation();
  const conversation = { kind: row.kind, subject: row.subject };
  if (row.same === null) return { conversation, appended: undefined };
  const outcome = !row.same ? 'reused' : row.event_id === null ? 'expired' : 'repeated';
  const refused = faultOf(outcome);
  if (refused !== undefined) throw refused;
  return { conversation, appended: appendedOf({ ...row, outcome }) };
}
