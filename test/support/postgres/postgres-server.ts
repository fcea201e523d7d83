// One real PostgreSQL as a child process, with the ways in which servers fail.
import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Client } from 'pg';
import { holdPort } from '../../../scripts/hold-port.ts';
import { makeTemporaryFolder } from '../../../scripts/temporary-folder.ts';
import { installPackage, startTied, type TiedProcess } from '../../../scripts/tied-process.ts';

export type PostgresServer = {
  /** "postgres://user@host:5432/postgres", with the right to create databases. */
  readonly url: string;
  readonly port: number;
  /** Of its first process. */
  readonly pid: number;
  /** Ends it at once, without writing anything: it recovers from its log when it starts again. */
  crash(): Promise<void>;
  /** Starts it on the same port, where it was ended. */
  start(): Promise<void>;
  /** Ends it in order, copies its files, and starts it again. */
  backUp(): Promise<void>;
  /** Ends it, and starts it with the files of the backup. */
  restore(): Promise<void>;
  stop(): Promise<void>;
};

const distributionFolder = '/usr/lib/postgresql';

/** @returns the folder of programs: on PATH, or in the distribution's place */
function folderOf(...programs: readonly string[]): string | undefined {
  const versions = existsSync(distributionFolder) ? readdirSync(distributionFolder).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...versions.map((version) => join(distributionFolder, version, 'bin'))];
  return folders.find((folder) => folder !== '' && programs.every((program) => existsSync(join(folder, program))));
}

function findBinaries(): string | undefined {
  return folderOf('initdb', 'postgres');
}

function install(): string {
  installPackage('PostgreSQL', 'postgresql', 'or set TEST_POSTGRES_URL=postgres://user@host:5432/postgres');
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

type Options = {
  /** Commits as PostgreSQL does by default. */
  readonly durable?: boolean;
  /** Begins as a copy of this one, and follows it as a standby. */
  readonly standbyOf?: PostgresServer | undefined;
};

/** Starts a server of one's own on a free port in a temporary folder. */
export async function startPostgresServer({ durable = false, standbyOf }: Options = {}): Promise<PostgresServer> {
  const binaries = findBinaries() ?? install();
  const folder = durable ? mkdtempSync(join(tmpdir(), 'portico-postgres-')) : makeTemporaryFolder('portico-postgres');
  const user = otherUser();
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const backup = join(folder, 'backup');
  const run = (program: string, ...args: readonly string[]) =>
    execFileSync(program, args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'], ...user });
  if (standbyOf === undefined) run(join(binaries, 'initdb'), '-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync');
  else run(postgresProgram('pg_basebackup'), '-D', data, '-d', standbyOf.url, '--write-recovery-conf', '--checkpoint=fast', '--no-sync');
  const port = await holdPort();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const options = [...(durable ? [] : fast), 'listen_addresses=127.0.0.1', 'max_connections=300'];
  const args = ['-D', data, '-p', String(port), '-k', folder, ...options.flatMap((option) => ['-c', option])];
  let server: TiedProcess;
  const start = async () => {
    server = await startTied([join(binaries, 'postgres'), ...args], { signal: 'INT', cwd: folder, user });
    await answering(url, server.ended);
  };
  await start();
  return {
    url,
    port,
    get pid() {
      return server.pid;
    },
    crash: async () => {
      process.kill(server.pid, 'SIGQUIT');
      await server.stop();
    },
    start,
    backUp: async () => {
      await server.stop();
      rmSync(backup, { recursive: true, force: true });
      run('cp', '-a', data, backup);
      await start();
    },
    restore: async () => {
      await server.stop();
      rmSync(data, { recursive: true, force: true });
      run('cp', '-a', backup, data);
      await start();
    },
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
