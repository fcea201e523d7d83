import { type RawBuilder, sql, type Transaction } from 'kysely';
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
    },
  };
}

/**
 * All rows, page by page, in the order of their ids, which are UUIDs. Between two pages no connection is held.
 * @param page reads those for which `isAfter` of the column of the id is true, in its order
 */
export async function* rowsById<Row extends { readonly id: string }>(
  use: UseDatabase,
  signal: AbortSignal,
  page: (isAfter: (column: string) => RawBuilder<unknown>) => RawBuilder<Row>,
): AsyncGenerator<Row> {
  let after: string | undefined;
  do {
    signal.throwIfAborted();
    const { rows } = await use((db) => page((column) => (after === undefined ? sql`true` : sql`${sql.ref(column)} > ${after}::uuid`)).execute(db));
    yield* rows;
    after = rows.at(-1)?.id;
  } while (after !== undefined);
}
