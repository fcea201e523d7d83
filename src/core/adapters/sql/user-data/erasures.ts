import { hash, randomBytes } from 'node:crypto';
import { type Kysely, sql, type Transaction } from 'kysely';
import type { Erasure, ErasureReport, Erasures, Place, Progress } from '../../../ports/user-data.ts';
import type { UseDatabase } from '../database-access.ts';
import type { Database } from '../database-tables.ts';

type Row = {
  user_id: string;
  secret: Buffer;
  before: Date;
  passes: number;
  rested_ms: number;
  parts_done: string[];
  place: Place | null;
};
type ReportRow = {
  accepted_at: Date;
  first_pass_at: Date | null;
  done_at: Date | null;
  report: ErasureReport['parts'];
  second_report: ErasureReport['again'];
};

const passes = sql`num_nonnulls(first_pass_at, second_pass_at)`;

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
        const { rows } = await sql<ReportRow>`SELECT accepted_at, first_pass_at, done_at, report, second_report
          FROM erasures WHERE id = decode(${id}, 'hex')`.execute(db);
        if (rows[0] === undefined) throw new Error(`There is no erasure ${id}.`);
        const { accepted_at: acceptedAt, first_pass_at: firstPassAt, done_at: doneAt, report: parts, second_report: again } = rows[0];
        return { acceptedAtMs: acceptedAt.getTime(), firstPassAtMs: firstPassAt?.getTime(), doneAtMs: doneAt?.getTime(), parts, again };
      }),
    record: (id, part, progress) =>
      use((db) =>
        db.transaction().execute(async (tx) => {
          const erasure = await readErasure(tx, id, { locked: true });
          if (erasure !== undefined && !erasure.partsDone.includes(part)) await recordProgress(tx, id, part, progress);
        }),
      ),
    endPass: (id, before) =>
      use(async (db) => {
        await sql`UPDATE erasures SET touched_at = clock_timestamp(), parts_done = '{}', place = NULL,
            first_pass_at = coalesce(first_pass_at, clock_timestamp()),
            second_pass_at = CASE WHEN first_pass_at IS NOT NULL THEN clock_timestamp() END
          WHERE id = decode(${id}, 'hex') AND done_at IS NULL AND ${passes} = ${before}`.execute(db);
      }),
    finish: (id) =>
      use(async (db) => {
        const { numAffectedRows } = await sql`UPDATE erasures SET done_at = clock_timestamp(), user_id = NULL, secret = NULL, place = NULL
          WHERE id = decode(${id}, 'hex') AND done_at IS NULL`.execute(db);
        return numAffectedRows === 1n;
      }),
    takeAbandoned: (forMs, [first, second]) =>
      use(async (db) => {
        const ago = (ms: number) => sql`clock_timestamp() - ${ms}::float8 * interval '1 ms'`;
        const { rows } = await sql<{ id: string }>`
          UPDATE erasures SET touched_at = clock_timestamp() WHERE id = (
            SELECT id FROM erasures WHERE done_at IS NULL AND touched_at <= ${ago(forMs)}
              AND CASE ${passes} WHEN 0 THEN true WHEN 1 THEN first_pass_at <= ${ago(first)} ELSE second_pass_at <= ${ago(second)} END
            ORDER BY touched_at LIMIT 1 FOR UPDATE SKIP LOCKED)
          RETURNING encode(id, 'hex') AS id`.execute(db);
        return rows[0]?.id;
      }),
    underWay: (most) =>
      use(async (db) => {
        const { rows } = await sql<{ user_id: string; count: bigint }>`
          SELECT user_id, count(*) OVER () AS count FROM erasures WHERE done_at IS NULL ORDER BY touched_at DESC LIMIT ${most}`.execute(db);
        return { count: Number(rows[0]?.count ?? 0), userIds: rows.map((row) => row.user_id) };
      }),
  };
}

/** @param locked until the end of the transaction: steps of one erasure follow each other, whoever takes them */
export async function readErasure(db: Kysely<Database>, id: string, { locked }: { readonly locked: boolean }): Promise<Erasure | undefined> {
  const { rows } = await sql<Row>`SELECT user_id, secret, parts_done, place, ${passes} AS passes,
      extract(epoch FROM clock_timestamp() - coalesce(second_pass_at, first_pass_at, clock_timestamp()))::float8 * 1000 AS rested_ms,
      least(greatest(accepted_at, date_trunc('milliseconds', clock_timestamp())),
        (SELECT min(signed_in_at) FROM sessions s WHERE s.user_id = e.user_id AND s.signed_in_at >= e.accepted_at)) AS before
    FROM erasures e WHERE id = decode(${id}, 'hex') AND done_at IS NULL ${locked ? sql`FOR UPDATE` : sql``}`.execute(db);
  const [row] = rows;
  if (row === undefined) return undefined;
  const { user_id: userId, secret, before, rested_ms: restedMs, parts_done: partsDone, place } = row;
  return { id, userId, secret, beforeMs: before.getTime(), passes: row.passes, restedMs, partsDone, place: place ?? undefined };
}

/** Adds to the report of its pass, in the transaction that erases. */
export async function recordProgress(tx: Transaction<Database>, id: string, part: string, { erased, place, isDone }: Progress): Promise<void> {
  const counts = JSON.stringify(erased);
  const added = (report: string) => sql`${sql.ref(report)} || jsonb_build_object(${part}::text,
      coalesce(${sql.ref(report)} -> ${part}::text, '{}') || coalesce((
        SELECT jsonb_object_agg(key, value::bigint + coalesce((${sql.ref(report)} -> ${part}::text ->> key)::bigint, 0))
        FROM jsonb_each_text(${counts}::jsonb)), '{}'))`;
  await sql`UPDATE erasures e SET touched_at = clock_timestamp(),
      place = ${isDone || place === undefined ? null : JSON.stringify(place)}::jsonb,
      parts_done = CASE WHEN ${isDone} THEN array_append(e.parts_done, ${part}) ELSE e.parts_done END,
      report = CASE WHEN first_pass_at IS NULL THEN ${added('e.report')} ELSE e.report END,
      second_report = CASE WHEN first_pass_at IS NOT NULL THEN ${added('e.second_report')} ELSE e.second_report END
    WHERE id = decode(${id}, 'hex')`.execute(tx);
}
