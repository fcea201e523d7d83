import { Fault } from '../../kit/fault.ts';

/** Classes of SQLSTATE that mean "the database is not there or not ours to write" (PostgreSQL, appendix A): connection, resources, operator intervention, read-only. */
const gone = /^(08|53|57|25006)/;
/** Node's and pg's own words for a connection that is not there. */
const broken = /ECONN|ENOENT|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|Connection terminated|timeout exceeded|connect/i;

/** What a storage call that failed is to throw: Fault STORAGE_DOWN when the database cannot be reached, else the error as it is. */
export function storageFault(error: unknown): unknown {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  const isGone = typeof code === 'string' && (gone.test(code) || broken.test(code));
  if (isGone || (code === undefined && typeof message === 'string' && broken.test(message))) {
    return new Fault('STORAGE_DOWN', 'The database cannot be reached.', { retryAfterMs: 1_000, cause: error });
  }
  return error;
}
