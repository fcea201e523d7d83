import type { Kysely } from 'kysely';
import type { Database } from './database.ts';
import { storageFault } from './storage-fault.ts';

/**
 * Runs work on the database: whatever is kept in SQL goes through it. Work waits until the database is open.
 * @throws Fault STORAGE_DOWN when the database cannot be reached; what the work throws otherwise
 */
export type UseDatabase = <T>(work: (db: Kysely<Database>) => Promise<T>) => Promise<T>;

export type Gate = {
  readonly use: UseDatabase;
  /** Takes no more work, and waits for what has begun: a pool that is ended forgets those that wait for a connection, and they would never end. */
  close(): Promise<void>;
};

/** @param opening rejected when the database never opens: then so is all work */
export function openGate(opening: Kysely<Database> | Promise<Kysely<Database>>): Gate {
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
