import { type RawBuilder, sql } from 'kysely';
import type { UseDatabase } from '../database-access.ts';

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
