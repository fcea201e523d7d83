import { hash, randomUUID } from 'node:crypto';
import { sql, type Transaction } from 'kysely';
import { ruleBroken } from '../../../kit/fault.ts';
import type { ChatEvent, Conversation, NewConversation } from '../../../ports/chat.ts';
import type { UseDatabase } from '../database-access.ts';
import type { Database } from '../database-tables.ts';
import { reusedId } from './append-events.ts';
import { bringBack } from './change-members.ts';
import { byBytes, checkOnce, insertUsers, raiseUsers } from './lock-users.ts';
import { checkRoom, checkWilling } from './who-may-be-added.ts';

type Row = {
  id: string;
  title: string;
  subject: string;
  created_at: Date;
  last_seq: bigint;
  members_count: number;
  expired_seq: bigint;
  created_hash: Buffer;
};

/** See `ChatStore.create`. */
export async function createConversation(
  use: UseDatabase,
  wish: NewConversation,
): Promise<{ conversation: Conversation; event: ChatEvent | undefined }> {
  const { id, kind, subject, title, clientId, createdBy, members } = wish;
  checkOnce('members', members);
  if (kind === 'direct' && members.length !== 2) throw ruleBroken('members', 'must be two of a direct conversation');
  if (kind === 'direct' && title !== '') throw ruleBroken('title', 'is that of a group');
  const creator = `${createdBy.kind}:${createdBy.id}`;
  const [low = null, high = null] = kind === 'direct' ? members.map(({ userId }) => userId).sort(byBytes) : [];
  const contentHash = hash('sha256', JSON.stringify([kind, subject, title, members.map(({ userId, role }) => [userId, role]).sort()]), 'buffer');
  return use((db) =>
    db.transaction().execute(async (tx) => {
      const { rows: made } = await sql<Row>`
        INSERT INTO chat_conversations (id, kind, subject, title, low_user_id, high_user_id, created_by, created_key, created_hash, last_seq, members_count)
        VALUES (${id}, ${kind}, ${subject}, ${title}, ${low}, ${high}, ${creator}, ${clientId}, ${contentHash}, 1, ${members.length})
        ON CONFLICT DO NOTHING RETURNING *`.execute(tx);
      if (made[0] !== undefined) return { conversation: conversationOf(made[0], kind), event: await insertMembers(tx, wish, made[0].created_at) };
      const { rows: byKey } = await sql<Row>`SELECT * FROM chat_conversations WHERE created_by = ${creator} AND created_key = ${clientId}`.execute(
        tx,
      );
      if (byKey[0] !== undefined && !contentHash.equals(byKey[0].created_hash)) throw reusedId();
      const { rows: byPair } =
        await sql<Row>`SELECT * FROM chat_conversations WHERE low_user_id = ${low} AND high_user_id = ${high} AND subject = ${subject}`.execute(tx);
      const found = byKey[0] ?? byPair[0];
      if (found === undefined) throw new Error(`The id ${id} of a new conversation was there already.`);
      if (kind === 'group') return { conversation: conversationOf(found, kind), event: undefined };
      const userIds = members.map(({ userId }) => userId);
      const event = await bringBack(tx, found.id, createdBy, userIds);
      const row = event === undefined ? found : { ...found, last_seq: BigInt(event.seq), members_count: userIds.length };
      return { conversation: conversationOf(row, kind), event };
    }),
  );
}

/** The first members with the event that names them. */
async function insertMembers(tx: Transaction<Database>, { id, createdBy, members }: NewConversation, at: Date): Promise<ChatEvent> {
  const eventId = randomUUID();
  const changes = members.map(({ userId, role }) => ({ userId, role }));
  const userIds = members.map(({ userId }) => userId);
  await checkWilling(tx, id, createdBy, userIds);
  await insertUsers(tx, userIds);
  await sql`INSERT INTO chat_members (conversation_id, user_id, role)
    SELECT ${id}::uuid, x."userId", x.role FROM jsonb_to_recordset(${JSON.stringify(changes)}::jsonb) AS x ("userId" text, role text)`.execute(tx);
  await raiseUsers(tx, id, userIds);
  await checkRoom(tx, createdBy, userIds);
  await sql`INSERT INTO chat_events (conversation_id, seq, event_id, kind, sender_kind, sender_id, changes, sent_at)
    VALUES (${id}, 1, ${eventId}, 'members', ${createdBy.kind}, ${createdBy.id}, ${JSON.stringify(changes)}::jsonb, ${at})`.execute(tx);
  return { conversationId: id, seq: 1, eventId, kind: 'members', sender: createdBy, sentAtMs: at.getTime(), changes };
}

function conversationOf(row: Row, kind: NewConversation['kind']): Conversation {
  const { id, subject, title, created_at: createdAt, members_count: membersCount } = row;
  return {
    id,
    kind,
    subject,
    title,
    createdAtMs: createdAt.getTime(),
    lastSeq: Number(row.last_seq),
    membersCount,
    expiredSeq: Number(row.expired_seq),
  };
}
