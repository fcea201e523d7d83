// Chat messages of many users, by streams, and what PostgreSQL keeps of them.
import { Client } from 'pg';
import { eventsOf, someOf, userOf, users } from '../chat/conversations.ts';
import { openStreamClient, type Sender } from '../chat/senders.ts';
import type { Harness, Replica } from '../harness.ts';

/** Senders of conversations of two. */
export async function openSenders(harness: Harness, { port }: Pick<Replica, 'port'>) {
  const senders: Sender[] = [];
  for (let n = 0; n < users; n++) senders.push(await openStreamClient({ port, ca: harness.ca, token: await harness.token(userOf('stream', n)) }));
  return {
    /** @param atOnce messages under way */
    send: async (count: number, atOnce: number) => {
      let left = count;
      const lane = async (first: number) => {
        for (let user = first; left-- > 0; user = (user + atOnce) % users) await senders[user]?.send(someOf('stream', user));
      };
      await Promise.all(Array.from({ length: atOnce }, (_, first) => lane(first)));
    },
    close: () => {
      for (const sender of senders) sender.close();
    },
  };
}

export type Stored = {
  /** Of the senders' conversations. */
  readonly events: number;
  /** Of the database, and those ever written to its log. */
  readonly bytes: number;
  readonly logBytes: number;
  /** The newest that has stored an event. */
  readonly transaction: string;
  /** How many have stored events since the one that was named. */
  readonly transactions: number;
};

/** @param since transactions after this one are counted */
export async function storedIn(databaseUrl: string, since = '18446744073709551615'): Promise<Stored> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<Omit<Stored, 'events'>>(
      `SELECT pg_database_size(current_database())::float8 AS bytes, pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 AS "logBytes",
        (SELECT max(xid::text::numeric)::text FROM chat_events) AS transaction,
        (SELECT count(DISTINCT xid)::int FROM chat_events WHERE xid > $1::text::xid8) AS transactions`,
      [since],
    );
    const [found] = rows;
    if (found === undefined) throw new Error('PostgreSQL has said nothing.');
    return { events: await eventsOf(databaseUrl, 'stream'), ...found };
  } finally {
    await client.end();
  }
}
