// Chat messages of many users, by streams, and what PostgreSQL keeps of them.
import { Client } from 'pg';
import { conversations, eventsOf, idOf, membersOf, numberOf, userOf, users } from '../chat/conversations.ts';
import { openStreamClient, type Sender } from '../chat/senders.ts';
import type { Harness, Replica } from '../harness.ts';

export async function openSenders(harness: Harness, { port }: Pick<Replica, 'port'>) {
  const senders: Sender[] = [];
  for (let n = 0; n < users; n++) senders.push(await openStreamClient({ port, ca: harness.ca, token: await harness.token(userOf('stream', n)) }));
  return {
    /** @throws Error when a message is not stored */
    send: async (count: number) => {
      const before = await eventsOf(harness.databaseUrl, 'stream');
      let left = count;
      await Promise.all(
        senders.map(async (sender, user) => {
          while (left-- > 0) await sender.send(conversationOf(user));
        }),
      );
      const stored = (await eventsOf(harness.databaseUrl, 'stream')) - before;
      if (stored !== count) throw new Error(`${count} messages were acknowledged, and ${stored} are stored.`);
    },
    close: () => {
      for (const sender of senders) sender.close();
    },
  };
}

/** One of those of two members. */
function conversationOf(user: number): string {
  for (;;) {
    const n = 1 + Math.floor(Math.random() * conversations);
    if (membersOf(n).includes(user)) return idOf(numberOf('stream', n));
  }
}

/** Bytes of the database, and those ever written to its log. */
export async function databaseBytes(url: string): Promise<{ readonly stored: number; readonly log: number }> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query(
      `SELECT pg_database_size(current_database())::float8 AS stored, pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 AS log`,
    );
    return rows[0];
  } finally {
    await client.end();
  }
}
