// A real PostgreSQL for the tests: started once by `npm test`, a database of its own for each who asks.
import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { Client } from 'pg';
import { holdPort } from '../../../scripts/hold-port.ts';
import { installPackage, startTied } from '../../../scripts/server-process.ts';
import { migrate, readMigrations } from '../../../src/core/adapters/sql/migrate.ts';
import { openSql } from '../../../src/core/adapters/sql/open-sql.ts';
import { quietLog } from '../log.ts';

/** Set by whoever runs a server of their own: "postgres://user@host:5432/postgres", with the right to create databases. */
const urlVariable = 'TEST_POSTGRES_URL';
const template = 'portico_test_template';
const distributionFolder = '/usr/lib/postgresql';

export type Postgres = {
  readonly url: string;
  /** Of its first process; undefined: it is not ours. */
  readonly pid: number | undefined;
  stop(): Promise<void>;
};

/** @returns the folder of initdb and postgres: on PATH, or in the distribution's place */
function findBinaries(): string | undefined {
  return folderOf('initdb', 'postgres');
}

function folderOf(...programs: readonly string[]): string | undefined {
  const versions = existsSync(distributionFolder) ? readdirSync(distributionFolder).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...versions.map((version) => join(distributionFolder, version, 'bin'))];
  return folders.find((folder) => folder !== '' && programs.every((program) => existsSync(join(folder, program))));
}

function install(): string {
  installPackage('PostgreSQL', 'postgresql', `or set ${urlVariable}=postgres://user@host:5432/postgres`);
  const found = findBinaries();
  if (found === undefined) throw new Error(`PostgreSQL was installed, but ${distributionFolder} has no initdb.`);
  return found;
}

/** @param name of another program of its distribution, such as "pgbench" @returns where it is */
export function postgresProgram(name: string): string {
  const folder = folderOf(name);
  if (folder === undefined) throw new Error(`PostgreSQL's ${name} is neither on PATH nor in ${distributionFolder}.`);
  return join(folder, name);
}

/** What makes tests fast, and a crash of the machine lose all. */
const fast = ['fsync=off', 'full_page_writes=off', 'synchronous_commit=off'];

/** Starts a server on a free port in a temporary folder, or takes the one that the environment names. */
export async function startPostgres(): Promise<Postgres> {
  const given = process.env[urlVariable];
  return given === undefined ? startOwnPostgres() : { url: given, pid: undefined, stop: async () => {} };
}

/** Starts a server of one's own. @param durable commits as PostgreSQL does by default */
export async function startOwnPostgres({ durable = false } = {}): Promise<Postgres> {
  const binaries = findBinaries() ?? install();
  const folder = mkdtempSync(join(tmpdir(), 'portico-postgres-'));
  const user = otherUser();
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  execFileSync(join(binaries, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
    ...user,
  });
  const port = await holdPort();
  const options = [...(durable ? [] : fast), 'listen_addresses=127.0.0.1', 'max_connections=300'];
  const args = ['-D', data, '-p', String(port), '-k', folder, ...options.flatMap((option) => ['-c', option])];
  const server = await startTied([join(binaries, 'postgres'), ...args], { signal: 'INT', cwd: folder, user });
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  await answering(url, server.ended);
  return {
    url,
    pid: server.pid,
    stop: async () => {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** PostgreSQL does not run as root: its own user, or nobody. */
function otherUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['postgres', 'nobody']) {
    try {
      const ask = (flag: string) => Number(execFileSync('id', [flag, name], { stdio: ['ignore', 'pipe', 'ignore'] }).toString());
      return { uid: ask('-u'), gid: ask('-g') };
    } catch {
      // not on this machine: the next one
    }
  }
  throw new Error('PostgreSQL does not run as root, and this machine has neither the user postgres nor nobody.');
}

async function answering(url: string, ended: Promise<void>): Promise<void> {
  let gone = false;
  void ended.then(() => {
    gone = true;
  });
  for (let i = 0; i < 600 && !gone; i++) {
    const client = new Client({ connectionString: url });
    client.on('error', () => {});
    try {
      await client.connect();
      await client.end();
      return;
    } catch {
      await new Promise((again) => setTimeout(again, 50));
    }
  }
  throw new Error('PostgreSQL did not start.');
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
  await asAdmin(url, `CREATE DATABASE ${name}${from === undefined ? '' : ` TEMPLATE ${from}`}`);
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
    const sql = await openSql({ url: Object.assign(new URL(url), { pathname: `/${template}_new` }).href }, quietLog);
    await migrate(sql.db, readMigrations(resolve(import.meta.dirname, '../../../migrations')));
    await sql.close();
    await client.query(`ALTER DATABASE ${template}_new RENAME TO ${template}`);
  } finally {
    await client.end();
  }
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
