import { Fault } from '../../kit/fault.ts';

/**
 * Classes of SQLSTATE that mean "the database is unavailable or not writable" (PostgreSQL, appendix A): connection,
 * resources, operator intervention, read-only.
 */
const gone = /^(08|53|57|25006)/;
/** Errors of Node and pg for a missing connection. */
const broken = /ECONN|ENOENT|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|Connection terminated|timeout exceeded|connect/i;

/**
 * The error of a failed storage call: Fault STORAGE_DOWN when the database is unavailable, otherwise the original
 * error.
 */
export function storageFault(error: unknown): unknown {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  const isGone = typeof code === 'string' && (gone.test(code) || broken.test(code));
  if (isGone || (code === undefined && typeof message === 'string' && broken.test(message))) {
    return new Fault('STORAGE_DOWN', 'The database cannot be reached.', { retryAfterMs: 1_000, cause: error });
  }
  return error;
}
