import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after } from 'node:test';
import { openDatabaseAccess } from '../../src/core/adapters/sql/database-access.ts';
import { migrate, readMigrations } from '../../src/core/adapters/sql/migrate.ts';
import { openSql, type Sql } from '../../src/core/adapters/sql/open-sql.ts';
import { sqlSessions } from '../../src/core/adapters/sql/sessions.ts';
import { quietLog } from '../support/log.ts';
import { createMigratedDatabase } from '../support/postgres/postgres.ts';
import { sessionsContract } from './sessions.ts';

sessionsContract('PostgreSQL', async () => {
  const { url, drop } = await createMigratedDatabase();
  const sql = await openSql({ url }, quietLog);
  return {
    sessions: sqlSessions(openDatabaseAccess(sql.db).use),
    [Symbol.asyncDispose]: async () => {
      await sql.close();
      await drop();
    },
  };
});

// One folder for all: PGlite takes seconds to make one, and the contract names its users anew each time.
const folder = mkdtempSync(join(tmpdir(), 'portico-pglite-'));
let opened: Promise<Sql> | undefined;
async function openEmbedded(): Promise<Sql> {
  const sql = await openSql({ folder }, quietLog);
  await migrate(sql.db, readMigrations(resolve(import.meta.dirname, '../../migrations')));
  return sql;
}
after(async () => {
  await (await opened)?.close();
  rmSync(folder, { recursive: true, force: true });
});
sessionsContract('PGlite', async () => {
  opened ??= openEmbedded();
  return { sessions: sqlSessions(openDatabaseAccess((await opened).db).use), [Symbol.asyncDispose]: async () => {} };
});
