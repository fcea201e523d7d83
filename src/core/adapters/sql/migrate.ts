import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Kysely, sql } from 'kysely';
import type { Database } from './database-tables.ts';

/** One file of migrations/core or migrations/app. */
export type Migration = { /** "core/0001_sessions" */ readonly name: string; readonly checksum: string; readonly text: string };

/** The key for pg_advisory_xact_lock, an arbitrary unique number: the bytes of "portico". */
const lockKey = 0x706f727469636fn;

/** The longest that a migration waits for a table: other users of the table queue behind it. Milliseconds. */
const tableLockMs = 10_000;

/**
 * All migrations in their order: core's, then the company's.
 * @throws Error naming a file that is not NNNN_name.sql, or a duplicate number
 */
export function readMigrations(folder: string): readonly Migration[] {
  return ['core', 'app'].flatMap((part) => {
    const path = join(folder, part);
    const files = existsSync(path)
      ? readdirSync(path)
          .filter((file) => file.endsWith('.sql'))
          .sort()
      : [];
    files.forEach((file, i) => {
      if (!/^\d{4}_[a-z0-9_]+\.sql$/.test(file)) throw new Error(`${part}/${file}: a migration is named like 0001_what_it_does.sql.`);
      if (i > 0 && files[i - 1]?.slice(0, 4) === file.slice(0, 4)) throw new Error(`${part}/${file}: the number ${file.slice(0, 4)} is given twice.`);
    });
    return files.map((file) => {
      const text = readFileSync(join(path, file), 'utf8');
      return { name: `${part}/${file.slice(0, -'.sql'.length)}`, checksum: createHash('sha256').update(text).digest('hex'), text };
    });
  });
}

/**
 * Migrates the schema: each migration runs in its own transaction, all under an advisory lock, so that replicas may
 * race.
 * @param dryRun only lists the pending migrations
 * @returns the names of the migrations that were (or would be) applied
 * @throws Error when an applied file has changed, or the database is newer than these files
 */
export async function migrate(db: Kysely<Database>, migrations: readonly Migration[], { dryRun = false } = {}): Promise<readonly string[]> {
  return db.connection().execute(async (connection) => {
    // the pool's limits are for calls: a migration, or the wait for one of another process, may take longer
    await sql.raw('SET statement_timeout = 0; SET lock_timeout = 0').execute(connection);
    await sql`SELECT pg_advisory_lock(${sql.lit(String(lockKey))}::bigint)`.execute(connection);
    try {
      const applied = await appliedOf(connection);
      const [newer] = newerOf(applied, migrations);
      if (newer !== undefined)
        throw new Error(`The database has the migration ${newer}, which this release does not have: use the newer release that it belongs to.`);
      const open = pendingOf(applied, migrations);
      if (dryRun) return open.map(({ name }) => name);
      await sql`CREATE TABLE IF NOT EXISTS portico_migrations (name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`.execute(
        connection,
      );
      for (const { name, checksum, text } of open) {
        await sql.raw('BEGIN').execute(connection);
        try {
          await sql.raw(`SET LOCAL lock_timeout = ${tableLockMs}`).execute(connection);
          await sql.raw(text).execute(connection);
          await sql`INSERT INTO portico_migrations (name, checksum) VALUES (${name}, ${checksum})`.execute(connection);
          await sql.raw('COMMIT').execute(connection);
        } catch (error) {
          await sql.raw('ROLLBACK').execute(connection);
          throw new Error(`The migration ${name} failed and was taken back: ${error instanceof Error ? error.message : error}`, { cause: error });
        }
      }
      return open.map(({ name }) => name);
    } finally {
      await sql`SELECT pg_advisory_unlock(${sql.lit(String(lockKey))}::bigint)`.execute(connection);
      await sql.raw('RESET statement_timeout; RESET lock_timeout').execute(connection);
    }
  });
}

/** Compares a schema with the files of a release. */
export type Fit = {
  /** The error and its remedy in one line; undefined: it fits. */
  readonly misfit: string | undefined;
  /**
   * Migrations of a newer release. They fit: migrations only add to the schema of the previous release, so that both
   * releases can run during an upgrade.
   */
  readonly newer: readonly string[];
};

/** @throws Error of the driver when the database does not answer */
export async function fitOf(db: Kysely<Database>, migrations: readonly Migration[]): Promise<Fit> {
  const applied = await appliedOf(db);
  const newer = newerOf(applied, migrations);
  try {
    const open = pendingOf(applied, migrations);
    if (open.length === 0) return { misfit: undefined, newer };
    const missing = open.length === 1 ? `${open[0]?.name} is` : `${open.length} migrations from ${open[0]?.name} on are`;
    return { misfit: `the database lacks a part of this release's schema: ${missing} missing; run \`portico migrate\``, newer };
  } catch (error) {
    return { misfit: error instanceof Error ? error.message : String(error), newer };
  }
}

async function appliedOf(db: Kysely<Database>): Promise<ReadonlyMap<string, string>> {
  const { rows: tables } = await sql<{ there: string | null }>`SELECT to_regclass('portico_migrations')::text AS there`.execute(db);
  if (tables[0]?.there == null) return new Map();
  const { rows } = await sql<{ name: string; checksum: string }>`SELECT name, checksum FROM portico_migrations`.execute(db);
  return new Map(rows.map(({ name, checksum }) => [name, checksum]));
}

function newerOf(applied: ReadonlyMap<string, string>, migrations: readonly Migration[]): readonly string[] {
  const names = new Set(migrations.map(({ name }) => name));
  return [...applied.keys()].filter((name) => !names.has(name)).sort();
}

function pendingOf(applied: ReadonlyMap<string, string>, migrations: readonly Migration[]): readonly Migration[] {
  const changed = migrations.find(({ name, checksum }) => applied.has(name) && applied.get(name) !== checksum);
  if (changed !== undefined)
    throw new Error(`The migration ${changed.name} was changed after it was applied here: put its file back as it was, and add another migration.`);
  return migrations.filter(({ name }) => !applied.has(name));
}
