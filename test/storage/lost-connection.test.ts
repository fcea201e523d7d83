// Connections to PostgreSQL that end while they are used, as at a restart or a fail-over of the server, and work that it
// gives up: later it may succeed.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { openDatabaseAccess } from '../../src/core/adapters/sql/database-access.ts';
import { openSql, type Sql } from '../../src/core/adapters/sql/postgres-or-pglite.ts';
import { Fault } from '../../src/core/kit/fault.ts';
import { openRoughNetwork } from '../support/link/rough-network.ts';
import { quietLog } from '../support/log.ts';
import { createDatabase } from '../support/postgres/postgres.ts';
import { seeded } from '../support/time/seeded.ts';
import { until } from '../support/time/until.ts';

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

test('a lock that other work holds for too long is no defect: the work may succeed later', async () => {
  const { use } = openDatabaseAccess(opened.db);
  await sql`CREATE TABLE held (id int PRIMARY KEY)`.execute(opened.db);
  await sql`INSERT INTO held VALUES (1)`.execute(opened.db);
  await other.db.transaction().execute(async (holding) => {
    await sql`SELECT * FROM held FOR UPDATE`.execute(holding);
    const waiting = use((db) =>
      db.transaction().execute(async (tx) => {
        await sql`SET LOCAL lock_timeout = 1`.execute(tx);
        await sql`SELECT * FROM held FOR UPDATE`.execute(tx);
      }),
    );
    await assert.rejects(waiting, (error) => error instanceof Fault && error.reason === 'STORAGE_DOWN');
  });
  const { rows } = await use((db) => sql`SELECT * FROM held FOR UPDATE`.execute(db));
  assert.equal(rows.length, 1);
});

test('what PostgreSQL gives up by itself may succeed later, and any other error is the error of the work', async () => {
  const { use } = openDatabaseAccess(opened.db);
  const fail = (code: string) => use((db) => sql.raw(`DO $$ BEGIN RAISE EXCEPTION 'of a test' USING ERRCODE = '${code}'; END $$`).execute(db));
  for (const code of ['08006', '25006', '25P03', '25P04', '40001', '40P01', '53100', '53300', '55P03', '57014', '57P01', '58030'])
    await assert.rejects(fail(code), (error) => error instanceof Fault && error.reason === 'STORAGE_DOWN', code);
  for (const code of ['22P02', '23505', '42P01', '55000', 'P0001', 'XX000'])
    await assert.rejects(fail(code), (error) => (error as { readonly code?: unknown }).code === code, code);
});

test('a statement that takes longer than the setting allows is ended', async () => {
  const hasty = await openSql({ url: database.url, connectionsMax: 1, statementMs: 20 }, quietLog);
  const { use } = openDatabaseAccess(hasty.db);
  try {
    const slow = use((db) => sql`SELECT pg_sleep(3600)`.execute(db));
    await assert.rejects(slow, (error) => error instanceof Fault && error.reason === 'STORAGE_DOWN');
  } finally {
    await hasty.close();
  }
});

test('connections that lead nowhere without a word fail their work, and make room for others', async () => {
  const url = new URL(database.url);
  await using network = await openRoughNetwork([Number(url.port)], seeded(1));
  url.port = String(network.port);
  const far = await openSql({ url: url.href, connectionsMax: 3, silenceMaxMs: 1_000 }, quietLog);
  const { use } = openDatabaseAccess(far.db);
  try {
    for (const way of ['both', 'there', 'back'] as const) {
      const works = [0, 1, 2].map(() =>
        use((db) =>
          db.transaction().execute(async (tx) => {
            await sql`SELECT 1`.execute(tx);
            for (let left = 0; left < 40; left++) network.swallow(1, Number.POSITIVE_INFINITY, way); // all of them, by chance
            await sql`SELECT 2`.execute(tx);
          }),
        ),
      );
      await Promise.all(works.map((work) => assert.rejects(work, (error) => error instanceof Fault && error.reason === 'STORAGE_DOWN', way)));
      network.heal();
      const isAnswered = () =>
        use((db) => sql`SELECT 3`.execute(db)).then(
          () => true,
          () => false,
        );
      await until(`a connection works after ${way}`, isAnswered);
    }
  } finally {
    await far.close();
  }
});
