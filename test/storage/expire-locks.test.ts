// Retention holds no lock that others wait for: held against pg_locks and lock_timeout, not against a clock.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client } from 'pg';
import { sqlChat } from '../../src/core/adapters/sql/chat/chat-store.ts';
import { openDatabaseAccess } from '../../src/core/adapters/sql/database-access.ts';
import { openSql, type Sql } from '../../src/core/adapters/sql/postgres-or-pglite.ts';
import { message, user, wishOf } from '../contracts/chat-harness.ts';
import { quietLog } from '../support/log.ts';
import { createMigratedDatabase } from '../support/postgres/postgres.ts';

let database: Awaited<ReturnType<typeof createMigratedDatabase>>;
let sql: Sql;
let expiring: Client;
let other: Client;
before(async () => {
  database = await createMigratedDatabase();
  sql = await openSql({ url: database.url }, quietLog);
  [expiring, other] = [new Client({ connectionString: database.url }), new Client({ connectionString: database.url })];
  for (const client of [expiring, other]) {
    await client.connect();
    await client.query(`SET lock_timeout = '1ms'`);
  }
});
after(async () => {
  await Promise.all([expiring?.end(), other?.end(), sql?.close()]);
  await database?.drop();
});

async function oldGroup(chat: ReturnType<typeof sqlChat>) {
  const { conversation } = await chat.create(wishOf('group', ['ann', 'bob']));
  for (let n = 0; n < 3; n++) await chat.append(conversation.id, message('ann', 'old'));
  return conversation.id;
}
const expire = async (id: string) => (await expiring.query('SELECT chat_expire($1, clock_timestamp(), 500) AS count', [id])).rows[0].count;

test('a batch locks rows and no table, and only its own conversation waits for it', async () => {
  const chat = sqlChat(openDatabaseAccess(sql.db).use);
  const [one, two] = [await oldGroup(chat), await oldGroup(chat)];
  await expiring.query('BEGIN');
  assert.equal(await expire(one), 4);
  const { rows } = await expiring.query('SELECT DISTINCT mode FROM pg_locks WHERE pid = pg_backend_pid() AND relation IS NOT NULL ORDER BY mode');
  assert.deepEqual(
    rows.map(({ mode }) => mode).filter((mode) => !['AccessShareLock', 'RowShareLock', 'RowExclusiveLock'].includes(mode)),
    [],
  );
  const entries = [{ kind: 'message', sender_kind: 'user', sender_id: 'ann', client_id: 'c', hash: '00', event_id: crypto.randomUUID(), text: 'x' }];
  const append = (id: string) => other.query('SELECT outcome FROM chat_append($1, $2)', [id, JSON.stringify(entries)]);
  assert.equal((await append(two)).rows[0].outcome, 'appended', 'another conversation does not wait');
  await other.query('SELECT * FROM chat_events_before($1, 0, NULL, 10)', [one]);
  await other.query('SELECT chat_receive($1, $2, $3, 2, 2)', [one, 'bob', 'd']);
  await assert.rejects(append(one), { code: '55P03' }, 'its own conversation waits, for one batch');
  await expiring.query('COMMIT');
  assert.equal((await append(one)).rows[0].outcome, 'appended');
});

test('a batch waits for nobody: a conversation that somebody sends to is left for later', async () => {
  const chat = sqlChat(openDatabaseAccess(sql.db).use);
  const id = await oldGroup(chat);
  await other.query('BEGIN');
  await other.query('SELECT FROM chat_conversations WHERE id = $1 FOR UPDATE', [id]);
  assert.equal(await expire(id), null);
  await other.query('COMMIT');
  assert.equal(await expire(id), 4);
  assert.ok(await chat.changeMembers(id, user('bob'), { eventId: crypto.randomUUID(), changes: [{ userId: 'bob' }] }));
});
