import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { fitOf, type Migration, migrate, readMigrations } from '../../src/core/adapters/sql/migrate.ts';
import { openSql, type Sql } from '../../src/core/adapters/sql/postgres-or-pglite.ts';
import { quietLog } from '../support/log.ts';
import { createDatabase } from '../support/postgres/postgres.ts';

let database: Awaited<ReturnType<typeof createDatabase>>;
let db: Sql['db'];
let close: Sql['close'];
before(async () => {
  database = await createDatabase();
  ({ db, close } = await openSql({ url: database.url, statementMs: 15_000 }, quietLog));
});
after(async () => {
  await close();
  await database.drop();
});

const of = (name: string, text: string): Migration => ({ name, text, checksum: createHash('sha256').update(text).digest('hex') });
const first = of('core/0001_first', 'CREATE TABLE first (id int); INSERT INTO first VALUES (1);');
// longer than a call may wait for a lock (2 s): the others have to wait all the same
const slow = of('core/0002_slow', 'SELECT pg_sleep(2.3); INSERT INTO first VALUES (2);');
const wrong = of('app/0001_wrong', 'CREATE TABLE half (id int); SELECT nothing;');

test('replicas that race apply each migration once, and wait for a slow one', async () => {
  const others = await Promise.all([1, 2].map(() => openSql({ url: database.url, connectionsMax: 1 }, quietLog)));
  try {
    const done = await Promise.all([db, ...others.map((other) => other.db)].map((one) => migrate(one, [first, slow])));
    assert.deepEqual(done.map((names) => names.length).sort(), [0, 0, 2]);
    const { rows } = await sql<{ count: string }>`SELECT count(*)::text AS count FROM first`.execute(db);
    assert.equal(rows[0]?.count, '2');
  } finally {
    await Promise.all(others.map((other) => other.close()));
  }
});

test('a migration that fails is taken back whole and named; those before it stay', async () => {
  await assert.rejects(migrate(db, [first, slow, wrong]), {
    message: 'The migration app/0001_wrong failed and was taken back: column "nothing" does not exist',
  });
  const { rows } = await sql<{ there: string | null }>`SELECT to_regclass('half')::text AS there`.execute(db);
  assert.equal(rows[0]?.there, null);
  assert.deepEqual(await migrate(db, [first, slow], { dryRun: true }), []);
});

test('the limits of calls are in force again afterwards', async () => {
  const { rows } = await sql<{
    statement: string;
    lock: string;
  }>`SELECT current_setting('statement_timeout') AS statement, current_setting('lock_timeout') AS lock`.execute(db);
  assert.deepEqual(rows, [{ statement: '15s', lock: '2s' }]);
});

test('no statement is compiled: it would take longer than all that one does', async () => {
  const { rows } = await sql<{ jit: string }>`SELECT current_setting('jit') AS jit`.execute(db);
  assert.deepEqual(rows, [{ jit: 'off' }]);
});

test('what is missing is said in one line, with what to do', async () => {
  assert.equal((await fitOf(db, [first, slow])).misfit, undefined);
  assert.equal(
    (await fitOf(db, [first, slow, wrong])).misfit,
    "the database lacks a part of this release's schema: app/0001_wrong is missing; run `portico migrate`",
  );
  assert.equal(
    (await fitOf(db, [first, slow, of('core/0003_a', ''), of('core/0004_b', '')])).misfit,
    "the database lacks a part of this release's schema: 2 migrations from core/0003_a on are missing; run `portico migrate`",
  );
});

test('a file that was changed after it was applied is refused', async () => {
  const changed = of(slow.name, 'SELECT 1');
  const message = 'The migration core/0002_slow was changed after it was applied here: put its file back as it was, and add another migration.';
  await assert.rejects(migrate(db, [first, changed]), { message });
  assert.equal((await fitOf(db, [first, changed])).misfit, message);
});

test('a database of a newer release is not migrated, but served: while one release replaces another, both run on it', async () => {
  const message = 'The database has the migration core/0002_slow, which this release does not have: use the newer release that it belongs to.';
  await assert.rejects(migrate(db, [first]), { message });
  assert.deepEqual(await fitOf(db, [first]), { misfit: undefined, newer: ['core/0002_slow'] });
});

test('files are named by their order, each number once', () => {
  const folder = mkdtempSync(join(tmpdir(), 'portico-migrations-'));
  try {
    mkdirSync(join(folder, 'app'));
    writeFileSync(join(folder, 'app/0002_b.sql'), 'SELECT 2');
    writeFileSync(join(folder, 'app/0001_a.sql'), 'SELECT 1');
    writeFileSync(join(folder, 'app/README.md'), 'no migration');
    assert.deepEqual(
      readMigrations(folder).map(({ name }) => name),
      ['app/0001_a', 'app/0002_b'],
    );
    writeFileSync(join(folder, 'app/0002_c.sql'), 'SELECT 3');
    assert.throws(() => readMigrations(folder), { message: 'app/0002_c.sql: the number 0002 is given twice.' });
    rmSync(join(folder, 'app/0002_c.sql'));
    writeFileSync(join(folder, 'app/3_c.sql'), 'SELECT 3');
    assert.throws(() => readMigrations(folder), { message: 'app/3_c.sql: a migration is named like 0001_what_it_does.sql.' });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
