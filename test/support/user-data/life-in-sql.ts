// What a user leaves in the database in a long life, each text with a mark of its own, and others beside.
import { randomBytes, randomUUID } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import { sqlChat } from '../../../src/core/adapters/sql/chat/chat-store.ts';
import type { UseDatabase } from '../../../src/core/adapters/sql/database-access.ts';
import type { Database } from '../../../src/core/adapters/sql/database-tables.ts';
import { sqlPushQueue } from '../../../src/core/adapters/sql/push/push-queue.ts';
import { sqlPushTokens } from '../../../src/core/adapters/sql/push/push-tokens.ts';
import { sqlSessions } from '../../../src/core/adapters/sql/sessions.ts';
import type { NewEntry } from '../../../src/core/ports/chat.ts';
import { message, wishOf } from '../../contracts/chat-harness.ts';
import { newSession } from '../token/new-session.ts';

const hour = 3_600_000;

export type Marks = { readonly all: readonly string[]; make(what: string): string };

/** Texts that are nowhere else. */
export function openMarks(): Marks {
  const all: string[] = [];
  return {
    all,
    make: (what) => {
      const mark = `${what}${randomBytes(9).toString('hex')}`;
      all.push(mark);
      return mark;
    },
  };
}

export type LifeInSql = {
  readonly userId: string;
  /** A group with others, one of its own with them, a direct conversation, and one that nobody else reads any more. */
  readonly conversations: { readonly group: string; readonly own: string; readonly direct: string; readonly alone: string };
  readonly others: readonly [ann: string, bob: string];
};

/** A user with marks in every text, who lives among others. */
export async function liveInSql(use: UseDatabase, db: Kysely<Database>, marks: Marks): Promise<LifeInSql> {
  const chat = sqlChat(use, { pushAfterMs: 0 });
  const userId = marks.make('user');
  const [ann, bob, gone] = ['ann', 'bob', 'gone'].map((name) => `${name}-${randomUUID()}`) as [string, string, string];
  const sessionIds = [];
  for (const owner of [userId, userId, ann]) {
    const mark = (what: string) => (owner === userId ? marks.make(what) : `${what}-${randomUUID()}`);
    const atMs = Date.now() - 60_000;
    const session = newSession(owner, atMs, {
      device: { platform: 'ios', name: mark('phone'), installationId: mark('installation') },
      scopes: [mark('scope')],
      claims: { email: `${mark('mail')}@example.com` },
    });
    await sqlSessions(use).create(session);
    const token = { provider: 'fcm', token: mark('token'), topic: '', sandbox: false, quietHours: undefined } as const;
    await sqlPushTokens(use).register({ sessionId: session.id, userId: owner }, mark('device'), token);
    sessionIds.push(session.id);
  }
  const queue = sqlPushQueue(use, { life: { idleMs: hour, absoluteMs: hour }, expireMs: hour });
  const notice = { title: marks.make('title'), body: marks.make('body') };
  await queue.notify(userId, notice as never, { requestKey: marks.make('key'), expireMs: hour });

  const group = (await chat.create(wishOf('group', [ann, bob, userId]))).conversation.id;
  const own = (await chat.create(wishOf('group', [userId, ann], { title: marks.make('group'), clientId: marks.make('client') }))).conversation.id;
  const direct = (await chat.create(wishOf('direct', [userId, bob], { subject: `user:${userId}`, clientId: marks.make('client') }))).conversation.id;
  const alone = (await chat.create(wishOf('group', [gone, userId]))).conversation.id;
  const say = (id: string, who: string, more: Partial<NewEntry> = {}) => {
    const text = who === userId ? marks.make('text') : `said by ${who}`;
    const clientId = who === userId ? marks.make('client') : randomUUID();
    return chat.append(id, message(who, text, { clientId, ...more }));
  };
  const mine = { sender: { kind: 'user', id: userId } } as const;
  const react = (id: string, targetSeq: number, more: Partial<NewEntry> = {}) => {
    const own = { clientId: marks.make('client'), reaction: more.reaction ?? marks.make('smile') };
    return chat.append(id, { ...mine, kind: 'reaction', eventId: randomUUID(), targetSeq, ...own, ...more });
  };
  for (const id of [group, own, direct, alone]) {
    const other = id === direct ? bob : id === alone ? gone : ann;
    const first = await say(id, other);
    const said = await say(id, userId, { replySeq: first.seq });
    await say(id, other, { replySeq: said.seq });
    const deleted = await say(id, userId);
    await chat.append(
      id,
      message(userId, marks.make('edited'), {
        kind: 'edit',
        targetSeq: said.seq,
        data: Buffer.from(marks.make('data')),
        clientId: marks.make('client'),
      }),
    );
    await chat.append(id, { ...mine, kind: 'delete', eventId: randomUUID(), targetSeq: deleted.seq, clientId: marks.make('client') });
    const smile = await react(id, first.seq);
    const { rows } = await sql<{ reaction: string }>`SELECT reaction FROM chat_events WHERE conversation_id = ${id} AND seq = ${smile.seq}`.execute(
      db,
    );
    if (id === own) await react(id, first.seq, { reaction: rows[0]?.reaction, removed: true });
    await chat.append(id, {
      kind: 'reaction',
      sender: { kind: 'user', id: other },
      clientId: randomUUID(),
      eventId: randomUUID(),
      targetSeq: said.seq,
      reaction: '+',
    });
    await chat.receive({ conversationId: id, userId, device: marks.make('device'), deliveredSeq: 4, readSeq: 3 });
    await chat.receive({ conversationId: id, userId: other, device: 'phone', deliveredSeq: 4, readSeq: 3 });
    await chat.change(userId, id, { hiddenSeq: first.seq });
  }
  await chat.changeMembers(alone, { kind: 'user', id: gone }, { eventId: randomUUID(), changes: [{ userId: gone }] });
  await chat.changeMembers(group, { kind: 'user', id: ann }, { eventId: randomUUID(), changes: [{ userId, role: 'admin' }] });
  await sql`INSERT INTO chat_blocks (user_id, blocked_id) VALUES (${userId}, ${gone}), (${gone}, ${userId}), (${ann}, ${gone})`.execute(db);
  await sql`INSERT INTO chat_reports (reporter_id, conversation_id, seq, reason, comment, message, due_at)
    VALUES (${userId}, ${group}, 2, 'spam', ${marks.make('comment')}, '{}', now())`.execute(db);
  await sql`INSERT INTO chat_attachments (id, owner_id, conversation_id, content_type, size_bytes, name)
    VALUES (gen_random_uuid(), ${userId}, ${group}, 'image/png', 3, ${marks.make('file')})`.execute(db);
  await sql`INSERT INTO media_usage VALUES (${userId}, current_date, 3)`.execute(db);
  return { userId, conversations: { group, own, direct, alone }, others: [ann, bob] };
}
