import { hash, randomBytes } from 'node:crypto';
import { type Kysely, sql, type Transaction } from 'kysely';
import type { Erasure, ErasureReport, Erasures, Place, Progress } from '../../../ports/user-data.ts';
import type { UseDatabase } from '../database-access.ts';
import type { Database } from '../database-tables.ts';

type Row = { id: Buffer; user_id: string; secret: Buffer; accepted_at: Date; parts_done: string[]; place: Place | null };

/** Erasures in PostgreSQL, or in PGlite, which is PostgreSQL. */
export function sqlErasures(use: UseDatabase): Erasures {
  return {
    accept: (userId, requestId) =>
      use(async (db) => {
        const id = hash('sha256', `${requestId.length}:${requestId}${userId}`, 'hex');
        await sql`INSERT INTO erasures (id, user_id, secret) VALUES (decode(${id}, 'hex'), ${userId}, ${randomBytes(32)})
          ON CONFLICT DO NOTHING`.execute(db);
        return id;
      }),
    read: (id) => use((db) => readErasure(db, id, { locked: false })),
    report: (id) =>
      use(async (db) => {
        const { rows } = await sql<{ accepted_at: Date; done_at: Date | null; report: ErasureReport['parts'] }>`
          SELECT accepted_at, done_at, report FROM erasures WHERE id = decode(${id}, 'hex')`.execute(db);
        if (rows[0] === undefined) throw new Error(`There is no erasure ${id}.`);
        const { accepted_at: acceptedAt, done_at: doneAt, report } = rows[0];
        return { acceptedAtMs: acceptedAt.getTime(), doneAtMs: doneAt?.getTime(), parts: report };
      }),
    record: (id, part, progress) =>
      use((db) =>
        db.transaction().execute(async (tx) => {
          const erasure = await readErasure(tx, id, { locked: true });
          if (erasure !== undefined && !erasure.partsDone.includes(part)) await recordProgress(tx, id, part, progress);
        }),
      ),
    finish: (id) =>
      use(async (db) => {
        await sql`UPDATE erasures SET done_at = clock_timestamp(), user_id = NULL, secret = NULL, place = NULL
          WHERE id = decode(${id}, 'hex') AND done_at IS NULL`.execute(db);
      }),
    takeResting: (forMs) =>
      use(async (db) => {
        const { rows } = await sql<{ id: string }>`
          UPDATE erasures SET touched_at = clock_timestamp() WHERE id = (
            SELECT id FROM erasures WHERE done_at IS NULL AND touched_at <= clock_timestamp() - ${forMs} * interval '1 ms'
            ORDER BY touched_at LIMIT 1 FOR UPDATE SKIP LOCKED)
          RETURNING encode(id, 'hex') AS id`.execute(db);
        return rows[0]?.id;
      }),
    count: () =>
      use(async (db) => {
        const { rows } = await sql<{ count: bigint }>`SELECT count(*) FROM erasures WHERE done_at IS NULL`.execute(db);
        return Number(rows[0]?.count);
      }),
  };
}

/** @param locked until the end of the transaction: steps of one erasure follow each other, whoever takes them */
export async function readErasure(db: Kysely<Database>, id: string, { locked }: { readonly locked: boolean }): Promise<Erasure | undefined> {
  const { rows } = await sql<Row>`SELECT id, user_id, secret, accepted_at, parts_done, place FROM erasures
    WHERE id = decode(${id}, 'hex') AND done_at IS NULL ${locked ? sql`FOR UPDATE` : sql``}`.execute(db);
  const [row] = rows;
  if (row === undefined) return undefined;
  const { user_id: userId, secret, accepted_at: acceptedAt, parts_done: partsDone, place } = row;
  return { id, userId, secret, beforeMs: acceptedAt.getTime(), partsDone, place: place ?? undefined };
}

/** Adds to the report, in the transaction that erases. */
export async function recordProgress(tx: Transaction<Database>, id: string, part: string, { erased, place, isDone }: Progress): Promise<void> {
  const counts = JSON.stringify(erased);
  await sql`UPDATE erasures e SET touched_at = clock_timestamp(),
      place = ${isDone || place === undefined ? null : JSON.stringify(place)}::jsonb,
      parts_done = CASE WHEN ${isDone} THEN array_append(e.parts_done, ${part}) ELSE e.parts_done END,
      report = e.report || jsonb_build_object(${part}::text, coalesce(e.report -> ${part}::text, '{}') || coalesce((
        SELECT jsonb_object_agg(key, value::bigint + coalesce((e.report -> ${part}::text ->> key)::bigint, 0)) FROM jsonb_each_text(${counts}::jsonb)), '{}'))
    WHERE id = decode(${id}, 'hex')`.execute(tx);
}
