// Many conversations in a database, as a company has them after half a year: made by SQL, in a minute for a million.
import { Client } from 'pg';

export type Filled = {
  /** A group with a tenth of all messages, and the conversation of the newest message. */
  readonly large: string;
  /** A member of four in ten conversations, the large one included, who has read nothing in most of them. */
  readonly busyUser: string;
  /** An owner of the large group, who has written most of its messages. */
  readonly writer: string;
  /** The same conversation for each number from 1 to the number of conversations; 1 is the large one. */
  conversation(n: number): string;
  readonly messages: number;
};

const months = 6;
const idOf = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

/** @param size `largeMembers` of the large group; the others have ten */
export async function fillChat(
  url: string,
  { conversations, messages, largeMembers }: { readonly conversations: number; readonly messages: number; readonly largeMembers: number },
): Promise<Filled> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    // whatever is made here refers to what is made here: checking it row by row would take most of the time
    await client.query(`SET session_replication_role = replica; SET synchronous_commit = off; SET maintenance_work_mem = '256MB'`);
    await client.query(pastPartitions);
    await client.query(functions);
    const large = Math.ceil(messages / 10);
    const others = Math.ceil((messages - large) / (conversations - 1)) + 1; // of one in thirty the message is an edit or a reaction
    await client.query(`
      CREATE TEMP TABLE made AS SELECT n, pg_temp.conversation_id(n) AS id,
        CASE n WHEN 1 THEN ${large * 1.04} ELSE ${others * 1.04 + 2} END::int AS events, now() - n * interval '40 seconds' AS last_at
      FROM generate_series(1, ${conversations}) AS n`);
    await client.query(`
      INSERT INTO chat_conversations (id, kind, title, created_by, created_key, created_hash, created_at, last_seq, last_number, last_at, members_count, xid)
      SELECT id, 'group', 'Crew ' || n, 'user:u' || n, 'k' || n, '', last_at - interval '${months} months', events,
        pg_temp.number_of(events), last_at, CASE n WHEN 1 THEN ${largeMembers} ELSE 10 END, pg_temp.xid_of(events, events) FROM made`);
    await client.query(`
      INSERT INTO chat_members (conversation_id, user_id, role, delivered_seq, read_seq, read_number, own_seq, xid)
      SELECT id, CASE WHEN k = 1 AND n <= ${conversations * 0.4} THEN 'busy' WHEN n = 1 THEN 'u' || k
          ELSE 'u' || (n::bigint * 7919 + k * 104729) % ${conversations * 2} END,
        CASE k WHEN 2 THEN 'owner' ELSE 'member' END, events, read, pg_temp.number_of(read), n, pg_temp.xid_of(events, events)
      FROM made CROSS JOIN LATERAL generate_series(1, CASE n WHEN 1 THEN ${largeMembers} ELSE 10 END) AS k
        CROSS JOIN LATERAL (SELECT CASE WHEN k % 3 = 1 OR (n = 1 AND k = 2) THEN 1 ELSE events - k % 5 END AS read) AS r ON CONFLICT DO NOTHING`);
    await client.query(`
      INSERT INTO chat_events (conversation_id, seq, event_id, kind, number, sender_kind, sender_id, client_id, text, target_seq, reaction, changes,
        sent_at, xid)
      SELECT id, s, gen_random_uuid(), kind, CASE kind WHEN 'message' THEN pg_temp.number_of(s) END, 'user', sender, 'c' || s,
        CASE kind WHEN 'message' THEN 'This is what the message ' || s || ' of the conversation says.' END,
        CASE WHEN kind IN ('edit', 'reaction') THEN s - 1 END, CASE kind WHEN 'reaction' THEN '+1' END, CASE kind WHEN 'members' THEN '[]'::jsonb END,
        last_at - interval '${months} months' * (1 - s::float / events), pg_temp.xid_of(s, events)
      FROM made CROSS JOIN LATERAL generate_series(1, events) AS s CROSS JOIN LATERAL (
        SELECT CASE WHEN s = 1 THEN 'members' WHEN s % 60 = 0 THEN 'edit' WHEN s % 60 = 30 THEN 'reaction' ELSE 'message' END AS kind,
          CASE WHEN n = 1 AND s % 10 > 0 THEN 'u2' ELSE 'u' || (n::bigint * 7919 + (2 + s % 9) * 104729) % ${conversations * 2} END AS sender) AS k`);
    await client.query(`
      INSERT INTO chat_sent SELECT conversation_id, sender_kind, sender_id, client_id, '', seq FROM chat_events WHERE kind <> 'members'`);
    await client.query(`
      INSERT INTO chat_reactions SELECT conversation_id, target_seq, sender_id, reaction FROM chat_events WHERE kind = 'reaction'`);
    await client.query(`
      INSERT INTO chat_devices SELECT conversation_id, user_id, 'device-' || d, delivered_seq FROM chat_members, generate_series(1, 2) AS d
      WHERE delivered_seq > 0`);
    await client.query(`
      INSERT INTO chat_hidden SELECT user_id, conversation_id, s, row_number() OVER (PARTITION BY user_id)
      FROM chat_members, generate_series(5, 6) AS s WHERE left_seq IS NULL`);
    await client.query(`
      INSERT INTO chat_users SELECT user_id, max(own_seq) FROM (SELECT user_id, own_seq FROM chat_members
        UNION ALL SELECT user_id, own_seq FROM chat_hidden) AS own GROUP BY user_id`);
    await client.query(`
      INSERT INTO chat_blocks SELECT user_id, 'u' || b FROM chat_users, generate_series(1, 5) AS b WHERE user_id <> 'u' || b`);
    await client.query('VACUUM (ANALYZE)');
    const { rows } = await client.query<{ count: bigint }>('SELECT count(*) FROM chat_events WHERE number IS NOT NULL');
    return { large: idOf(1), busyUser: 'busy', writer: 'u2', conversation: idOf, messages: Number(rows[0]?.count) };
  } finally {
    await client.end();
  }
}

/** As chat_prepare_partitions has made them, month by month. */
const pastPartitions = `DO $$
DECLARE month timestamptz;
BEGIN
  FOR i IN 1 .. ${months + 1} LOOP
    month := date_trunc('month', date_trunc('month', now(), 'UTC') - i * interval '1 month' + interval '3 days', 'UTC');
    EXECUTE format('CREATE TABLE %I PARTITION OF chat_events FOR VALUES FROM (%L) TO (%L)', 'chat_events_' || to_char(month AT TIME ZONE 'UTC', 'YYYY_MM'),
      month, date_trunc('month', month + interval '45 days', 'UTC'));
    EXECUTE format('CREATE UNIQUE INDEX %I ON %I (conversation_id, seq)', 'chat_events_' || to_char(month AT TIME ZONE 'UTC', 'YYYY_MM') || '_once',
      'chat_events_' || to_char(month AT TIME ZONE 'UTC', 'YYYY_MM'));
  END LOOP;
END $$`;

/** The number of the last message up to an event; and transactions, in which older events are older. */
const functions = `
  CREATE FUNCTION pg_temp.conversation_id(n integer) RETURNS uuid IMMUTABLE LANGUAGE sql
    RETURN ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid;
  CREATE FUNCTION pg_temp.number_of(seq integer) RETURNS integer IMMUTABLE LANGUAGE sql RETURN seq - 1 - seq / 60 - (seq + 30) / 60;
  CREATE FUNCTION pg_temp.xid_of(seq integer, events integer) RETURNS xid8 IMMUTABLE LANGUAGE sql
    RETURN (3 + 500::bigint * seq / events)::text::xid8`;
