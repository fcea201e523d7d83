import { type Kysely, sql } from 'kysely';
import type { Database } from './database-tables.ts';

/** Work that one replica at a time does, and who asks for it: a UUID. */
type Turn = { readonly name: string; readonly holder: string };

/**
 * Takes the turn where nobody has it, or where the time of the one that had it is over. Whoever has it keeps it for
 * longer.
 * @returns how far the work has come; undefined: it is the turn of another one
 */
export async function takeTurn(db: Kysely<Database>, { name, holder, forMs }: Turn & { readonly forMs: number }): Promise<string | undefined> {
  const { rows } = await sql<{ place: string }>`
    INSERT INTO worker_turns AS w (name, holder, held_until) VALUES (${name}, ${holder}, clock_timestamp() + ${forMs} * interval '1 ms')
    ON CONFLICT (name) DO UPDATE SET holder = EXCLUDED.holder, held_until = EXCLUDED.held_until
      WHERE w.holder = EXCLUDED.holder OR w.held_until < clock_timestamp()
    RETURNING place`.execute(db);
  return rows[0]?.place;
}

/** Ends the turn, with how far the work has come. */
export async function endTurn(db: Kysely<Database>, { name, holder, place }: Turn & { readonly place: string }): Promise<void> {
  await sql`UPDATE worker_turns SET held_until = clock_timestamp(), place = ${place} WHERE name = ${name} AND holder = ${holder}`.execute(db);
}
