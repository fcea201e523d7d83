import { type Kysely, sql } from 'kysely';
import type { Database } from './database-tables.ts';
import { fitOf, type Migration } from './migrate.ts';

/** How the database is set, for a connection of a server. */
export type DatabaseFacts = {
  /** Why a server would not be ready with it. */
  readonly misfit: string | undefined;
  /** Its clock: Unix time in milliseconds. */
  readonly nowMs: number;
  readonly connectionsMax: number;
  readonly synchronousCommit: string;
  readonly fsync: string;
  readonly isStandby: boolean;
  /** The time limits that our connections ask for. A pooler may drop them. */
  readonly hasTimeLimits: boolean;
};

/** @throws Error of the driver when the database does not answer */
export async function factsOf(db: Kysely<Database>, migrations: readonly Migration[]): Promise<DatabaseFacts> {
  const { rows } = await sql<Omit<DatabaseFacts, 'misfit'>>`SELECT
      (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS "nowMs",
      current_setting('max_connections')::int AS "connectionsMax",
      current_setting('synchronous_commit') AS "synchronousCommit",
      current_setting('fsync') AS "fsync",
      pg_is_in_recovery() AS "isStandby",
      current_setting('lock_timeout') <> '0' AND current_setting('statement_timeout') <> '0' AS "hasTimeLimits"`.execute(db);
  const { misfit } = await fitOf(db, migrations);
  return { ...(rows[0] as Omit<DatabaseFacts, 'misfit'>), misfit };
}
