import { hash } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import { Fault } from '../../../kit/fault.ts';
import type { Appended, NewEntry } from '../../../ports/chat.ts';
import type { Database } from '../database.ts';
import type { UseDatabase } from '../database-access.ts';

type Outcome = 'appended' | 'repeated' | 'unknown' | 'reused' | 'expired' | 'target' | 'forbidden';
type Row = { outcome: Outcome; seq: bigint; number: bigint | null; event_id: string; sent_at: Date };
type Waiter = { readonly entry: NewEntry; resolve(appended: Appended): void; reject(error: unknown): void };

/** Entries of one transaction. */
const entriesMax = 100;

/**
 * Appends to conversations. What comes while a transaction of its conversation is under way waits, and is committed
 * together: a conversation is one row lock, which only its own transactions wait for.
 */
export function openAppend(use: UseDatabase): (conversationId: string, entry: NewEntry) => Promise<Appended> {
  const queues = new Map<string, Waiter[]>();
  const commit = async (conversationId: string, batch: readonly Waiter[]): Promise<void> => {
    try {
      const rows = await use((db) => call(db, conversationId, batch));
      for (const [i, { resolve, reject }] of batch.entries()) {
        const row = rows[i] as Row;
        const refused = faultOf(row.outcome);
        if (refused === undefined) resolve(appendedOf(row));
        else reject(refused);
      }
    } catch (error) {
      // an entry that the database refuses takes the others with it: each is tried alone
      const alone = batch.length === 1 || error instanceof Fault;
      if (!alone) for (const waiter of batch) await commit(conversationId, [waiter]);
      else for (const { reject } of batch) reject(error);
    }
  };
  const drain = async (conversationId: string, queue: Waiter[]): Promise<void> => {
    while (queue.length > 0) await commit(conversationId, queue.splice(0, entriesMax));
    queues.delete(conversationId);
  };
  return (conversationId, entry) =>
    new Promise((resolve, reject) => {
      const waiting = queues.get(conversationId);
      const queue = waiting ?? [];
      queue.push({ entry, resolve, reject });
      if (waiting !== undefined) return;
      queues.set(conversationId, queue);
      void drain(conversationId, queue);
    });
}

async function call(db: Kysely<Database>, conversationId: string, batch: readonly Waiter[]): Promise<readonly Row[]> {
  const entries = batch.map(({ entry: { kind, sender, clientId, eventId, text, data, replySeq, targetSeq, reaction, removed = false } }) => ({
    kind,
    sender_kind: sender.kind,
    sender_id: sender.id,
    client_id: clientId,
    hash: hash('sha256', JSON.stringify([kind, text, data && Buffer.from(data).toString('base64'), replySeq, targetSeq, reaction, removed]), 'hex'),
    text: kind === 'message' || kind === 'edit' ? (text ?? '') : undefined,
    data: data && Buffer.from(data).toString('base64'),
    reply: replySeq,
    target: targetSeq,
    reaction,
    removed,
    event_id: eventId,
  }));
  const { rows } = await sql<Row>`SELECT * FROM chat_append(${conversationId}::uuid, ${JSON.stringify(entries)}::jsonb)`.execute(db);
  return rows;
}

function appendedOf({ outcome, seq, number, event_id: eventId, sent_at: sentAt }: Row): Appended {
  return {
    seq: Number(seq),
    number: number === null ? undefined : Number(number),
    eventId,
    sentAtMs: sentAt.getTime(),
    repeated: outcome === 'repeated',
  };
}

function faultOf(outcome: Outcome): Fault | undefined {
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
