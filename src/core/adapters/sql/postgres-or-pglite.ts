import type { Meter } from '@opentelemetry/api';
import { Kysely, PostgresDialect } from 'kysely';
import { types } from 'pg';
import type { Log } from '../../ports/log.ts';
import type { Database } from './database-tables.ts';
import { openPglite } from './open-pglite.ts';
import { openPool } from './open-pool.ts';

/** PostgreSQL by URL, or the embedded database of a folder. */
export type SqlOptions = (
  | {
      readonly url: string;
      readonly connectionsMax?: number;
      /** A connection that is silent for longer, in milliseconds, is given up with its work. Undefined: none is. */
      readonly silenceMaxMs?: number | undefined;
    }
  | { readonly folder: string }
) & {
  /** A statement that takes longer is ended. Milliseconds. Unset: it may take any time. */
  readonly statementMs?: number | undefined;
};

export type Sql = {
  readonly db: Kysely<Database>;
  /**
   * Resolved with a text for operators when the embedded database has ended by itself and only a restart restores it.
   * PostgreSQL is reconnected.
   */
  readonly lost: Promise<string>;
  close(): Promise<void>;
};

const int8 = 20;
types.setTypeParser(int8, BigInt);

/**
 * Opens the database. PGlite takes seconds: await it after the banner.
 * @throws Error with a text for operators when it cannot be opened
 */
export async function openSql(options: SqlOptions, log: Log, meter?: Meter): Promise<Sql> {
  if ('url' in options) {
    const { url, connectionsMax = 10, statementMs, silenceMaxMs } = options;
    const pool = openPool({ connectionString: url, max: connectionsMax, statementMs, silenceMaxMs }, log, meter);
    const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
    return { db, lost: new Promise(() => {}), close: () => db.destroy() };
  }
  return openEmbedded(options, log, meter);
}

/** The pool's connections to PGlite, which runs one statement at a time anyway. */
const embeddedConnections = 4;
/**
 * PGlite greets a connection between two statements only, and one that creates tables may take a busy machine long. It
 * is in this process, so nothing else can keep it away. Milliseconds.
 */
const embeddedGreetingMs = 60_000;

async function openEmbedded({ folder, statementMs }: Extract<SqlOptions, { folder: string }>, log: Log, meter?: Meter): Promise<Sql> {
  const { host, lost, close } = await openPglite(folder, log);
  const config = { host, user: 'postgres', database: 'postgres', max: embeddedConnections, connectionTimeoutMillis: embeddedGreetingMs };
  const pool = openPool({ ...config, statementMs }, log, meter);
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
  return {
    db,
    lost,
    close: async () => {
      await db.destroy();
      await close();
    },
  };
}
