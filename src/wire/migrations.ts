import type { Kysely } from 'kysely';
import { type DatabaseFacts, factsOf } from '../core/adapters/sql/database-facts.ts';
import type { Database } from '../core/adapters/sql/database-tables.ts';
import { fromDatabase } from '../core/adapters/sql/database-unavailable.ts';
import { fitOf, migrate, readMigrations } from '../core/adapters/sql/migrate.ts';
import { silenceMsOf } from '../core/adapters/sql/open-pool.ts';
import { openSql, type SqlOptions } from '../core/adapters/sql/postgres-or-pglite.ts';
import { releaseMigrations } from '../release/release.ts';
import type { Settings } from '../settings.ts';
import { DependencyError } from './dependency-error.ts';
import { silent } from './process-log.ts';

/** The address of the configured database. */
export function sqlOptions({ embedded, dataDir, sql }: Settings): SqlOptions {
  const { url = '', connectionsMax, statement } = sql;
  if (embedded) return { folder: dataDir, statementMs: statement };
  return { url, connectionsMax, statementMs: statement, silenceMaxMs: silenceMsOf(statement) };
}

/** @returns names of the migrations that were applied, or would be */
export function applyMigrations(settings: Settings, options: { readonly dryRun: boolean }): Promise<readonly string[]> {
  return withSql(settings, (db, migrations) => migrate(db, migrations, options));
}

/** @returns why a server would not be ready with this database; undefined: it would be ready */
export function databaseMisfit(settings: Settings): Promise<string | undefined> {
  return withSql(settings, async (db, migrations) => (await fitOf(db, migrations)).misfit);
}

/** For `portico doctor`: a database that is silent for 8 s does not answer. @throws DependencyError */
export function databaseFacts(settings: Settings): Promise<DatabaseFacts> {
  return withSql(settings, factsOf, 8_000);
}

/**
 * Opens the database for a command that needs all of this release's schema.
 * @throws DependencyError for a failure of the database; what else the work throws stays what it is
 */
export async function withFittingDatabase<T>(settings: Settings, work: (db: Kysely<Database>) => Promise<T>): Promise<T> {
  const outcome = await withSql(settings, async (db, migrations) => {
    const { misfit } = await fitOf(db, migrations);
    if (misfit !== undefined) throw new Error(misfit);
    const [settled] = await Promise.allSettled([work(db)]);
    const failure = settled.status === 'rejected' ? fromDatabase(settled.reason) : undefined;
    if (failure !== undefined) throw failure;
    return settled;
  });
  if (outcome.status === 'rejected') throw outcome.reason;
  return outcome.value;
}

/** @param use its failures are the database's @param silenceMaxMs unset: no limit @throws DependencyError */
async function withSql<T>(
  settings: Settings,
  use: (db: Kysely<Database>, migrations: ReturnType<typeof readMigrations>) => Promise<T>,
  silenceMaxMs?: number,
): Promise<T> {
  const migrations = readMigrations(releaseMigrations());
  try {
    const opened = await openSql({ ...sqlOptions(settings), connectionsMax: 1, silenceMaxMs }, silent);
    try {
      return await use(opened.db, migrations);
    } finally {
      await opened.close();
    }
  } catch (error) {
    const named = settings.embedded ? 'The embedded database' : `The database of ${settings.origins.get('sql.url') ?? 'sql.url'}`;
    throw new DependencyError(`${named} cannot be used: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}
