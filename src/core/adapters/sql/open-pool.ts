import type { Meter } from '@opentelemetry/api';
import { Pool, type PoolConfig } from 'pg';
import type { Log } from '../../ports/log.ts';

/** Connections to a database, with the times that a statement, a lock and an idle connection may take. Milliseconds. */
export function openPool(config: PoolConfig, log: Log, meter?: Meter): Pool {
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
  if (meter !== undefined) poolMetrics(pool, meter);
  return pool;
}

/** OpenTelemetry semantic conventions 1.45, "Connection pools". */
function poolMetrics(pool: Pool, meter: Meter): void {
  const common = { 'db.client.connection.pool.name': 'sql' };
  meter
    .createObservableUpDownCounter('db.client.connection.count', { unit: '{connection}', description: 'Connections to the database, by state.' })
    .addCallback((observed) => {
      observed.observe(pool.idleCount, { ...common, 'db.client.connection.state': 'idle' });
      observed.observe(pool.totalCount - pool.idleCount, { ...common, 'db.client.connection.state': 'used' });
    });
  meter
    .createObservableUpDownCounter('db.client.connection.max', { unit: '{connection}', description: 'The most connections to the database.' })
    .addCallback((observed) => observed.observe(pool.options.max, common));
  meter
    .createObservableUpDownCounter('db.client.connection.pending_requests', {
      unit: '{request}',
      description: 'Calls that wait for a connection to the database.',
    })
    .addCallback((observed) => observed.observe(pool.waitingCount, common));
}
