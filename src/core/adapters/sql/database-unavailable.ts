import { DatabaseError } from 'pg';
import { Fault } from '../../kit/fault.ts';

/**
 * SQLSTATE of a database that is unavailable or not writable, or that gave up this work for the sake of other work
 * (PostgreSQL, appendix A): connection, resources, operator intervention, input and output, read-only, rollback after
 * conflicts, and a transaction or a lock that took too long.
 */
const gone = /^(08|40|53|57|58|25006|25P03|25P04|55P03)/;
/** Errors of Node and pg for a missing connection. */
const broken = /ECONN|ENOENT|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|Connection terminated|timeout exceeded|connect/i;

/** The error of a failed storage call: Fault STORAGE_DOWN when it may succeed later, otherwise the original error. */
export function storageFault(error: unknown): unknown {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  const isGone = typeof code === 'string' && (gone.test(code) || broken.test(code));
  if (isGone || (code === undefined && typeof message === 'string' && broken.test(message))) {
    return new Fault('STORAGE_DOWN', 'The database cannot do it now.', { retryAfterMs: 1_000, cause: error });
  }
  return error;
}

/**
 * What the database or its driver said, of an error that work with `use` ended with. Undefined: the failure is not the
 * database's.
 */
export function fromDatabase(error: unknown): Error | undefined {
  if (error instanceof Fault && error.reason === 'STORAGE_DOWN') return error.cause instanceof Error ? error.cause : error;
  return error instanceof DatabaseError ? error : undefined;
}
