import type { Transaction } from 'kysely';
import type { Erasure, Progress, UserDataPart } from '../../../ports/user-data.ts';
import type { UseDatabase } from '../database-access.ts';
import type { Database } from '../database-tables.ts';
import { readErasure, recordProgress } from './erasures.ts';

/** One piece of a part, and what is done when it was committed. */
export type SqlStep = Progress & { readonly afterwards?: () => Promise<void> | void };

/**
 * A part in SQL: a step and its record are one transaction, so that each is counted once, whatever process is killed.
 * What follows a commit may be lost: others learn of it by the database as well.
 */
export function sqlPart(
  use: UseDatabase,
  name: string,
  { exports, erase }: { readonly exports: UserDataPart['export']; readonly erase: (tx: Transaction<Database>, erasure: Erasure) => Promise<SqlStep> },
): UserDataPart {
  return {
    name,
    export: exports,
    erase: async ({ id }) => {
      const step = await use((db) =>
        db.transaction().execute(async (tx) => {
          const erasure = await readErasure(tx, id, { locked: true });
          if (erasure === undefined || erasure.partsDone.includes(name)) return undefined;
          const done = await erase(tx, erasure);
          await recordProgress(tx, id, name, done);
          return done;
        }),
      );
      await step?.afterwards?.();
      return { afterMs: 0 };
    },
  };
}
