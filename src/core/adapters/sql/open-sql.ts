import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Kysely, PostgresDialect } from 'kysely';
import { Pool, type PoolConfig, types } from 'pg';
import type { Log } from '../../ports/log.ts';
import type { Database } from './database.ts';
import { lockFolder } from './folder-lock.ts';

/** PostgreSQL by URL, or embedded in a folder. */
export type SqlOptions = { readonly url: string; readonly connectionsMax?: number } | { readonly folder: string };

export type Sql = {
  readonly db: Kysely<Database>;
  close(): Promise<void>;
};

const int8 = 20;
types.setTypeParser(int8, BigInt);

/** Opens the database. PGlite takes seconds: await it behind the banner. @throws Error in words for people when it cannot be opened */
export async function openSql(options: SqlOptions, log: Log): Promise<Sql> {
  if ('url' in options) {
    const pool = openPool({ connectionString: options.url, max: options.connectionsMax ?? 10 }, log);
    const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
    return { db, close: () => db.destroy() };
  }
  return openEmbedded(options.folder, log);
}

function openPool(config: PoolConfig, log: Log): Pool {
  const pool = new Pool({
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    lock_timeout: 2_000,
    statement_timeout: 15_000,
    allowExitOnIdle: true,
    ...config,
  });
  pool.on('error', (error) => log.warn('A connection to the database was lost.', { error }));
  return pool;
}

/** Connections of PGlite's socket server, and of our pool to it; it runs one statement at a time anyway. */
const embeddedConnections = 4;

async function openEmbedded(folder: string, log: Log): Promise<Sql> {
  const unlock = lockFolder(folder);
  // The path of a Unix socket may have 107 bytes (sun_path), a data directory more.
  const socketFolder = mkdtempSync(join(tmpdir(), 'portico-'));
  const giveBack = () => {
    rmSync(socketFolder, { recursive: true, force: true });
    unlock();
  };
  try {
    mkdirSync(join(folder, 'pglite'), { recursive: true, mode: 0o700 });
    const socket = join(socketFolder, '.s.PGSQL.5432');
    const worker = new Worker(new URL('./pglite-worker.ts', import.meta.url), {
      workerData: { folder: join(folder, 'pglite'), socket, connectionsMax: 10 },
    });
    await said(worker, 'ready');
    worker.on('error', (error) => log.error('The embedded database failed.', { error }));
    worker.unref();
    const pool = openPool({ host: socketFolder, user: 'postgres', database: 'postgres', max: embeddedConnections }, log);
    const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
    return {
      db,
      close: async () => {
        await db.destroy();
        worker.ref();
        worker.postMessage('close');
        await said(worker, 'closed');
        await worker.terminate();
        giveBack();
      },
    };
  } catch (error) {
    giveBack();
    // The second where the worker itself is not there: in the bundle.
    const missing = ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'].includes((error as NodeJS.ErrnoException).code ?? '');
    if (missing)
      throw new Error('The embedded database is not installed: run `npm install` without --omit=optional, or set DATABASE_URL.', { cause: error });
    throw error;
  }
}

function said(worker: Worker, word: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: unknown) => {
      if (message === word) done(resolve);
    };
    const onError = (error: unknown) => done(() => reject(error));
    const onExit = () => done(() => reject(new Error(`The embedded database ended before it was ${word}.`)));
    const done = (then: () => void) => {
      worker.off('message', onMessage);
      worker.off('error', onError);
      worker.off('exit', onExit);
      then();
    };
    worker.on('message', onMessage);
    worker.on('error', onError);
    worker.on('exit', onExit);
  });
}
