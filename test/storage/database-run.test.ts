// Which run of PostgreSQL it is, by which chat streams notice a restored backup: the same for each connection.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from 'kysely';
import { readDatabaseRun } from '../../src/core/adapters/sql/chat/changes-since.ts';
import { openSql } from '../../src/core/adapters/sql/postgres-or-pglite.ts';
import { quietLog } from '../support/log.ts';
import { createMigratedDatabase } from '../support/postgres/postgres.ts';

test('connections with other time zones and forms of dates agree on the run of PostgreSQL', async () => {
  const { url, drop } = await createMigratedDatabase();
  const [one, two] = [await openSql({ url, connectionsMax: 1 }, quietLog), await openSql({ url, connectionsMax: 1 }, quietLog)];
  const before = await readDatabaseRun(one.db);
  const name = new URL(url).pathname.slice(1);
  await sql`ALTER DATABASE ${sql.ref(name)} SET timezone = 'Asia/Tokyo'`.execute(one.db); // for connections that begin from now on
  await sql`ALTER DATABASE ${sql.ref(name)} SET datestyle = 'German'`.execute(one.db);
  assert.deepEqual(await readDatabaseRun(two.db), before);
  await one.close();
  await two.close();
  await drop();
});
