import type { Kysely } from 'kysely';
import type { Database } from './database-tables.ts';
import { storageFault } from './database-unavailable.ts';

/**
 * Runs work on the database. Every access to SQL passes through it. Work waits until the database is open.
 * @throws Fault STORAGE_DOWN when the database is unavailable; otherwise the error of the work
 */
export type UseDatabase = <T>(work: (db: Kysely<Database>) => Promise<T>) => Promise<T>;

export type DatabaseAccess = {
  readonly use: UseDatabase;
  /**
   * Refuses new work, and waits for work that has begun: a pool that ends drops work that waits for a connection, which
   * would then never end.
   */
  close(): Promise<void>;
};

/** @param opening rejected when the database never opens; then all work is rejected, too */
export function openDatabaseAccess(opening: Kysely<Database> | Promise<Kysely<Database>>): DatabaseAccess {
  const running = new Set<Promise<unknown>>();
  let closed = false;
  return {
    use: async (work) => {
      const db = await opening;
      if (closed) throw new Error('The server is stopping.');
      const run = work(db);
      running.add(run);
      try {
        return await run;
      } catch (error) {
        throw storageFault(error);
      } finally {
        running.delete(run);
      }
    },
    close: async () => {
      closed = true;
      await Promise.allSettled(running);
    },
  };
}
