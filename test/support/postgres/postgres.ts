// A real PostgreSQL for the tests: started once by `npm test`, a database of its own for each who asks.
import { resolve } from 'node:path';
import { Client } from 'pg';
import { migrate, readMigrations } from '../../../src/core/adapters/sql/migrate.ts';
import { openSql } from '../../../src/core/adapters/sql/postgres-or-pglite.ts';
import { quietLog } from '../log.ts';
import { startPostgresServer } from './postgres-server.ts';

/** Set by whoever runs a server of their own: "postgres://user@host:5432/postgres", with the right to create databases. */
const urlVariable = 'TEST_POSTGRES_URL';
const template = 'portico_test_template';

export type Postgres = {
  readonly url: string;
  /** Of its first process; undefined: it is not ours. */
  readonly pid: number | undefined;
  stop(): Promise<void>;
};

/** Starts a server on a free port in a temporary folder, or takes the one that the environment names. */
export async function startPostgres(): Promise<Postgres> {
  const given = process.env[urlVariable];
  return given === undefined ? startPostgresServer() : { url: given, pid: undefined, stop: async () => {} };
}

/** The server of this test run; a file that is run alone starts its own, which ends with the process. */
let running: Promise<Postgres> | undefined;
function server(): Promise<Postgres> {
  running ??= startPostgres();
  return running;
}

let next = 0;
/** A new, empty database. @returns its URL, and a way to drop it */
export async function createDatabase(from?: string): Promise<{ readonly url: string; drop(): Promise<void> }> {
  const { url } = await server();
  const name = `portico_test_${process.pid}_${next++}`;
  // copies files, instead of writing each page to the log, too: half the CPU where the disk is not waited for
  await asAdmin(url, `CREATE DATABASE ${name} STRATEGY FILE_COPY${from === undefined ? '' : ` TEMPLATE ${from}`}`);
  return {
    url: Object.assign(new URL(url), { pathname: `/${name}` }).href,
    drop: () => asAdmin(url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

let prepared: Promise<void> | undefined;
/** A new database with the schema of this release. */
export async function createMigratedDatabase(): ReturnType<typeof createDatabase> {
  prepared ??= prepareTemplate();
  await prepared;
  return createDatabase(template);
}

/** Many files prepare at once: the first makes it, the others find it. */
async function prepareTemplate(): Promise<void> {
  const { url } = await server();
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock(7)');
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [template]);
    if (rowCount !== 0) return;
    await client.query(`CREATE DATABASE ${template}_new`);
    await migrateDatabase(Object.assign(new URL(url), { pathname: `/${template}_new` }).href);
    await client.query(`ALTER DATABASE ${template}_new RENAME TO ${template}`);
  } finally {
    await client.end();
  }
}

/** Gives a database the schema of this release. */
export async function migrateDatabase(url: string): Promise<void> {
  const sql = await openSql({ url }, quietLog);
  await migrate(sql.db, readMigrations(resolve(import.meta.dirname, '../../../migrations')));
  await sql.close();
}

async function asAdmin(url: string, statement: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      await client.query(statement);
      return;
    } catch (error) {
      // 55006: the template is just being copied by another
      if ((error as { code?: string }).code !== '55006' || attempt === 50) throw error;
      await new Promise((again) => setTimeout(again, 50));
    } finally {
      await client.end();
    }
  }
}
