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
  pool.on('error', (error) => log.warn('A connection to the database was lost.', { error }));
  return pool;
}
