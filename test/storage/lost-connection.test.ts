// Connections to PostgreSQL that end while they are used, as at a restart or a fail-over of the server.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { openDatabaseAccess } from '../../src/core/adapters/sql/database-access.ts';
import { openSql, type Sql } from '../../src/core/adapters/sql/open-sql.ts';
import { Fault } from '../../src/core/kit/fault.ts';
import { quietLog } from '../support/log.ts';
import { createDatabase } from '../support/postgres/postgres.ts';

let database: Awaited<ReturnType<typeof createDatabase>>;
let opened: Sql;
let other: Sql;
before(async () => {
  database = await createDatabase();
  opened = await openSql({ url: database.url, connectionsMax: 2 }, quietLog);
  other = await openSql({ url: database.url, connectionsMax: 1 }, quietLog);
});
after(async () => {
  await opened.close();
  await other.close();
  await database.drop();
});

test('a connection that ends between two statements of a transaction fails this work alone, and the next one works', async () => {
  const { use } = openDatabaseAccess(opened.db);
  const lost = use((db) =>
    db.transaction().execute(async (tx) => {
      const { rows } = await sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`.execute(tx);
      await sql`SELECT pg_terminate_backend(${rows[0]?.pid}, 5000)`.execute(other.db);
      await sql`SELECT 1`.execute(other.db); // meanwhile the end of the connection is read
      await sql`SELECT 1`.execute(tx);
    }),
  );
  await assert.rejects(lost, (error) => error instanceof Fault && error.reason === 'STORAGE_DOWN');
  const { rows } = await use((db) => sql<{ one: number }>`SELECT 1 AS one`.execute(db));
  assert.deepEqual(rows, [{ one: 1 }]);
});
