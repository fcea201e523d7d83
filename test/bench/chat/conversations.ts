// Conversations of the benchmark: each contestant has as many of the same kind, and nobody else sends to them.
import { Client } from 'pg';

/** Whose conversations, and the first digit of the last part of their ids. */
const digits = { stream: 1, unary: 2, hot: 3, pgbench: 4, deliver: 5, pushed: 7, unpushed: 8 } as const;
export type Owner = keyof typeof digits;
const ofSends: readonly Owner[] = ['stream', 'unary', 'hot', 'pgbench', 'deliver'];
const backlogDigit = 6;
export const users = 64;
export const conversations = 1_000;
const base = 100_000_000_000;

/** A number of twelve digits: from 1 conversations of two, 0 that of all users. */
export const numberOf = (owner: Owner, n: number) => digits[owner] * base + n;
export const idOf = (number: number) => `00000000-0000-7000-8000-${number}`;
export const userOf = (owner: Owner, n: number) => `${owner}-${n % users}`;
/** The two members of a conversation, as numbers of users. */
export const membersOf = (n: number): readonly [number, number] => [n % users, (n + 1 + (Math.floor(n / users) % (users - 1))) % users];

/** Stores them with the users who are their members. */
export async function insertConversations(databaseUrl: string, owners = ofSends): Promise<void> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    for (const owner of owners) {
      const ids = Array.from({ length: conversations + 1 }, (_, n) => idOf(numberOf(owner, n)));
      const all = Array.from({ length: users }, (_, n) => userOf(owner, n));
      const members = ids.flatMap((id, n) => (n === 0 ? all : membersOf(n).map((user) => userOf(owner, user))).map((userId) => ({ id, userId })));
      await client.query('INSERT INTO chat_users SELECT unnest($1::text[])', [all]);
      await client.query(
        `INSERT INTO chat_conversations (id, kind, created_by, created_key, created_hash, last_seq, members_count)
         SELECT id, 'group', 'bench', id::text, '', 1, CASE WHEN id = $2 THEN $3::int ELSE 2 END FROM unnest($1::uuid[]) AS ids (id)`,
        [ids, ids[0], users],
      );
      await client.query(
        `INSERT INTO chat_members (conversation_id, user_id, role, own_seq) SELECT id, user_id, 'member', 0 FROM unnest($1::uuid[], $2::text[]) AS m (id, user_id)`,
        [members.map(({ id }) => id), members.map(({ userId }) => userId)],
      );
      await client.query(
        `INSERT INTO chat_events (conversation_id, seq, event_id, kind, sender_kind, sender_id, changes, sent_at)
         SELECT id, 1, gen_random_uuid(), 'members', 'system', 'bench', '[]', now() FROM unnest($1::uuid[]) AS ids (id)`,
        [ids],
      );
    }
    await client.query('ANALYZE');
  } finally {
    await client.end();
  }
}

/**
 * Stores conversations of the users "late" and "early" with messages that the first one does not have.
 * @returns its positions
 */
export async function insertBacklog(databaseUrl: string, wish: { readonly conversations: number; readonly events: number }) {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const ids = Array.from({ length: wish.conversations }, (_, n) => idOf(backlogDigit * base + n));
    await client.query(`INSERT INTO chat_users VALUES ('early'), ('late')`);
    await client.query(
      `INSERT INTO chat_conversations (id, kind, created_by, created_key, created_hash, last_seq, last_number, members_count)
       SELECT id, 'group', 'bench', id::text, '', 1 + $2::int, $2, 2 FROM unnest($1::uuid[]) AS ids (id)`,
      [ids, wish.events],
    );
    await client.query(
      `INSERT INTO chat_members (conversation_id, user_id, role, own_seq) SELECT id, who, 'member', 0
       FROM unnest($1::uuid[]) AS ids (id), unnest(ARRAY['early', 'late']) AS users (who)`,
      [ids],
    );
    const { rows } = await client.query<{ id: string; event_id: string }>(
      `INSERT INTO chat_events (conversation_id, seq, event_id, kind, sender_kind, sender_id, changes, sent_at)
       SELECT id, 1, gen_random_uuid(), 'members', 'system', 'bench', '[]', now() FROM unnest($1::uuid[]) AS ids (id)
       RETURNING conversation_id AS id, event_id`,
      [ids],
    );
    await client.query(
      `INSERT INTO chat_events (conversation_id, seq, event_id, kind, number, sender_kind, sender_id, client_id, text, sent_at)
       SELECT id, n + 1, gen_random_uuid(), 'message', n, 'user', 'early', n::text, 'A message that was sent meanwhile.', now()
       FROM unnest($1::uuid[]) AS ids (id), generate_series(1, $2::int) AS n`,
      [ids, wish.events],
    );
    return rows.map(({ id, event_id: eventId }) => ({ conversationId: id, seq: 1n, eventId }));
  } finally {
    await client.end();
  }
}

/** Events of all conversations of a contestant: each send adds one. */
export async function eventsOf(databaseUrl: string, owner: Owner): Promise<number> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query('SELECT sum(last_seq)::int AS n FROM chat_conversations WHERE id BETWEEN $1 AND $2', [
      idOf(numberOf(owner, 0)),
      idOf(numberOf(owner, conversations)),
    ]);
    return rows[0].n;
  } finally {
    await client.end();
  }
}

/** A conversation of a user, at random. */
export function someOf(owner: Owner, user: number): string {
  for (;;) {
    const n = 1 + Math.floor(Math.random() * conversations);
    if (membersOf(n).includes(user)) return idOf(numberOf(owner, n));
  }
}
