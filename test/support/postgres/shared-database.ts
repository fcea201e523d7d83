// Databases that all tests of a file share: the first test that asks opens one, and it ends with the file.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after } from 'node:test';
import { migrate, readMigrations } from '../../../src/core/adapters/sql/migrate.ts';
import { openSql, type Sql } from '../../../src/core/adapters/sql/postgres-or-pglite.ts';
import { quietLog } from '../log.ts';
import { createMigratedDatabase } from './postgres.ts';

/** A migrated database of PostgreSQL. @returns gives two pools of it: those of two replicas */
export function sharedPostgres(): () => Promise<readonly [Sql, Sql]> {
  let shared: Promise<{ pools: readonly [Sql, Sql]; drop(): Promise<void> }> | undefined;
  const open = async () => {
    const { url, drop } = await createMigratedDatabase();
    return { pools: [await openSql({ url }, quietLog), await openSql({ url }, quietLog)] as const, drop };
  };
  after(async () => {
    const { pools = [], drop } = (await shared) ?? {};
    for (const pool of pools) await pool.close();
    await drop?.();
  });
  return async () => {
    shared ??= open();
    return (await shared).pools;
  };
}

/** A migrated folder of PGlite, which takes seconds to make. */
export function sharedPglite(): () => Promise<Sql> {
  let shared: Promise<Sql> | undefined;
  const folder = mkdtempSync(join(tmpdir(), 'portico-pglite-'));
  const open = async () => {
    const sql = await openSql({ folder }, quietLog);
    await migrate(sql.db, readMigrations(resolve(import.meta.dirname, '../../../migrations')));
    return sql;
  };
  after(async () => {
    await (await shared)?.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return () => {
    shared ??= open();
    return shared;
  };
}
