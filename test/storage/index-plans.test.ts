// What one message costs does not grow with all messages: functions find rows by indexes, however small a table was when
// a connection planned them. A connection keeps its plans for as long as nobody analyses the table.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Client } from 'pg';
import { createMigratedDatabase } from '../support/postgres/postgres.ts';

const conversation = randomUUID();
let database: Awaited<ReturnType<typeof createMigratedDatabase>>;
let client: Client;
before(async () => {
  database = await createMigratedDatabase();
  client = new Client({ connectionString: database.url });
  await client.connect();
  await client.query(`INSERT INTO chat_users VALUES ('ada'), ('bob')`);
  await client.query(
    `INSERT INTO chat_conversations (id, kind, created_by, created_key, created_hash, members_count) VALUES ($1, 'group', 'ada', 'a', '', 2)`,
    [conversation],
  );
  await client.query(`INSERT INTO chat_members (conversation_id, user_id, role) VALUES ($1, 'ada', 'owner'), ($1, 'bob', 'member')`, [conversation]);
  await client.query('ANALYZE'); // now it is known that the tables are nearly empty
});
after(async () => {
  await client?.end();
  await database?.drop();
});

/** More than a connection plans anew each time (PostgreSQL, "plan_cache_mode"). */
const times = 12;
const entry = (more: Readonly<Record<string, unknown>>) =>
  JSON.stringify([{ sender_kind: 'user', sender_id: 'ada', client_id: randomUUID(), hash: '00', event_id: randomUUID(), removed: false, ...more }]);

for (const [what, statement, values] of [
  ['a message', 'SELECT * FROM chat_append($1, $2)', () => [conversation, entry({ kind: 'message', text: 'Hello.' })]],
  ['a reply', 'SELECT * FROM chat_append($1, $2)', () => [conversation, entry({ kind: 'message', text: 'Hello.', reply: 1 })]],
  ['an edit', 'SELECT * FROM chat_append($1, $2)', () => [conversation, entry({ kind: 'edit', text: 'Well.', target: 1 })]],
  ['a reaction', 'SELECT * FROM chat_append($1, $2)', () => [conversation, entry({ kind: 'reaction', reaction: randomUUID(), target: 1 })]],
  ['a receipt', 'SELECT chat_receive($1, $2, $3, $4, $4)', (n: number) => [conversation, 'bob', 'a device', n]],
  ['what is cleared of devices', `SELECT push_clear($1, $2, $3, interval '2 s', interval '1 day', 100)`, () => [conversation, 'bob', 'a device']],
  ['what has expired', `SELECT chat_expire($1, now() - interval '1 day', 10)`, () => [conversation]],
] as const)
  test(`${what} reads no table as a whole`, async () => {
    await client.query('ROLLBACK; BEGIN'); // of a test that failed
    for (let n = 1; n <= times; n++) {
      const { rows } = await client.query(statement, values(n) as unknown[]);
      for (const { outcome = 'appended' } of rows) assert.equal(outcome, 'appended');
    }
    const { rows } = await client.query(`SELECT relname, seq_scan FROM pg_stat_xact_user_tables WHERE seq_scan > 0 ORDER BY relname`);
    await client.query('COMMIT');
    assert.deepEqual(rows, []);
  });
