import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Log } from '../../ports/log.ts';
import { lockFolder } from './folder-lock.ts';

/** PGlite in its own worker, behind a Unix socket. */
export type Pglite = {
  /** The folder of the socket, which PostgreSQL's clients accept as a host. */
  readonly host: string;
  /** Resolved with a text for operators when the worker has ended by itself. */
  readonly lost: Promise<string>;
  close(): Promise<void>;
};

/**
 * The number of connections that PGlite's socket server accepts: more than the pool has, because a closed one may
 * linger.
 */
const connectionsMax = 10;

/**
 * Opens the embedded database of a folder and locks the folder for this process.
 * @param code the script of the worker
 * @throws Error with a text for operators when it cannot be opened
 */
export async function openPglite(folder: string, log: Log, code = new URL('./pglite-worker.ts', import.meta.url)): Promise<Pglite> {
  const unlock = lockFolder(folder);
  // The path of a Unix socket may have 107 bytes (sun_path), a data directory more.
  const host = mkdtempSync(join(tmpdir(), 'portico-'));
  const giveBack = () => {
    rmSync(host, { recursive: true, force: true });
    unlock();
  };
  try {
    mkdirSync(join(folder, 'pglite'), { recursive: true, mode: 0o700 });
    const worker = new Worker(code, { workerData: { folder: join(folder, 'pglite'), socket: join(host, '.s.PGSQL.5432'), connectionsMax } });
    await said(worker, 'ready');
    let error: unknown;
    worker.on('error', (thrown) => {
      error = thrown;
    });
    let state: 'open' | 'lost' | 'closing' = 'open';
    const lost = new Promise<string>((resolve) => {
      worker.once('exit', (exitCode) => {
        if (state === 'closing') return;
        state = 'lost';
        log.error('The embedded database has ended by itself: restart the server.', { error, exit_code: exitCode });
        resolve('the embedded database has ended by itself: restart the server');
      });
    });
    worker.unref();
    return {
      host,
      lost,
      close: async () => {
        try {
          if (state === 'lost') return;
          state = 'closing';
          worker.ref();
          worker.postMessage('close');
          await said(worker, 'closed');
          await worker.terminate();
        } finally {
          giveBack();
        }
      },
    };
  } catch (error) {
    giveBack();
    // The second in the bundle, which does not contain the worker itself.
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
