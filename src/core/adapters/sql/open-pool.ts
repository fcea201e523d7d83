import { Pool, type PoolConfig } from 'pg';
import type { Log } from '../../ports/log.ts';

/** Connections to a database, with the times that a statement, a lock and an idle connection may take. Milliseconds. */
export function openPool(config: PoolConfig, log: Log): Pool {
  const pool = new Pool({
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    lock_timeout: 2_000,
    statement_timeout: 15_000,
    allowExitOnIdle: true,
    ...config,
  });
  // The pool listens to idle connections only. One that is lost between two statements of a transaction has nobody else
  // to say so to, and would end the process; its next statement fails, and the pool drops it.
  pool.on('connect', (client) => client.on('error', () => {}));
  pool.on('error', (error) => log.warn('A connection to the database was lost.', { error }));
  return pool;
}
