// A search through every table and column of a database, whatever they are.
import { type Kysely, sql } from 'kysely';
import type { Database } from '../../../src/core/adapters/sql/database-tables.ts';

/** Every row of every table as JSON, by table. */
export async function rowsOfDatabase(db: Kysely<Database>): Promise<ReadonlyMap<string, readonly string[]>> {
  const { rows: tables } = await sql<{ name: string }>`
    SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast' ORDER BY 1`.execute(db);
  const found = new Map<string, readonly string[]>();
  for (const { name } of tables) {
    const { rows } = await sql<{ row: string }>`SELECT to_jsonb(t)::text AS row FROM ${sql.raw(name)} t ORDER BY 1`.execute(db);
    found.set(
      name,
      rows.map(({ row }) => row),
    );
  }
  return found;
}

/** Where marks are: as they are, and as bytes, which PostgreSQL writes in hexadecimal. */
export async function marksInDatabase(db: Kysely<Database>, marks: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  const spellings = marks.flatMap((mark) => [mark, Buffer.from(mark).toString('hex')]);
  for (const [table, rows] of await rowsOfDatabase(db)) {
    const all = rows.join('\n');
    for (const spelling of spellings)
      if (all.includes(spelling)) found.push(`${table}: ${spelling} in ${rows.find((row) => row.includes(spelling))}`);
  }
  return found;
}
