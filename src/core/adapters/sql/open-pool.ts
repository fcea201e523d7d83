import type { Socket } from 'node:net';
import type { Meter } from '@opentelemetry/api';
import { Pool, type PoolClient, type PoolConfig } from 'pg';
import type { Log } from '../../ports/log.ts';

/** Milliseconds. A connection that rests in the pool is closed before it counts as silent. */
const idleMs = 15_000;
/** The server ends each statement before that: a connection that is silent for longer leads nowhere. */
export const silenceMsOf = (statementMs: number): number => Math.max(idleMs, statementMs) + 5_000;

export type PoolOptions = PoolConfig & {
  /** A statement that takes longer is ended. Unset: it may take any time. */
  readonly statementMs?: number | undefined;
  /** Undefined: a statement may take any time. */
  readonly silenceMaxMs?: number | undefined;
};

/** Connections to a database, with the times that a statement, a lock and an idle connection may take. Milliseconds. */
export function openPool({ statementMs, silenceMaxMs, ...config }: PoolOptions, log: Log, meter?: Meter): Pool {
  const pool = new Pool({
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: idleMs,
    lock_timeout: 2_000,
    ...(statementMs && { statement_timeout: statementMs }),
    // each statement reads a few rows; the planner expects 1,000 of a function, and compiling one takes up to a second
    options: '-c jit=off',
    allowExitOnIdle: true,
    ...config,
  });
  // The pool listens to idle connections only. One that is lost between two statements of a transaction has nobody else
  // to say so to, and would end the process; its next statement fails, and the pool drops it.
  pool.on('connect', (client) => client.on('error', () => {}));
  if (silenceMaxMs !== undefined) pool.on('connect', (client) => endWhenSilent(client, silenceMaxMs));
  pool.on('error', (error) => log.warn('A connection to the database was lost.', { error }));
  if (meter !== undefined) poolMetrics(pool, meter);
  return pool;
}

/**
 * A network that fails without a word leaves statements waiting until the kernel gives up, which takes it a quarter of
 * an hour, and the pool has no connection left. PostgreSQL's own time limits help only where it is reached.
 */
function endWhenSilent(client: PoolClient, mostMs: number): void {
  const { stream } = (client as unknown as { readonly connection: { readonly stream: Socket } }).connection;
  stream.setTimeout(mostMs, () => stream.destroy(new Error(`Connection terminated: the database said nothing for ${mostMs} ms.`)));
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
