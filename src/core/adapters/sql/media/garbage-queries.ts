import { sql } from 'kysely';
import type { Attachments } from '../../../ports/attachments.ts';
import type { UseDatabase } from '../database-access.ts';
import { endTurn, takeTurn } from '../job-turns.ts';

/** Days of the count of uploads that are kept: the clock may differ by one. */
const usageDays = 2;

/** An attachment whose content is in no list of the store counts as lost from this age: an older list may lack it. */
const lostFromAge = '10 minutes';

/** What is not needed, and the blobs that nobody needs. */
export function collecting(use: UseDatabase): Pick<Attachments, 'dropUnneeded' | 'garbage' | 'forget' | 'compare' | 'hold' | 'release'> {
  return {
    dropUnneeded: ({ unfinishedMs, unusedMs, lostMs }, most) =>
      use(async (db) => {
        const older = (column: string, ms: number) => sql`${sql.ref(column)} < clock_timestamp() - ${ms} * interval '1 ms'`;
        let dropped = 0n;
        for (const unneeded of [
          sql`completed_at IS NULL AND seq IS NULL AND ${older('stored_at', unfinishedMs)}`,
          sql`completed_at IS NOT NULL AND seq IS NULL AND ${older('stored_at', unusedMs)}`,
          sql`${older('lost_at', lostMs)}`,
          sql`conversation_id IS NULL`,
        ]) {
          const { numAffectedRows = 0n } = await sql`DELETE FROM chat_attachments WHERE id IN (
            SELECT id FROM chat_attachments WHERE ${unneeded} LIMIT ${most} FOR UPDATE SKIP LOCKED)`.execute(db);
          dropped += numAffectedRows;
        }
        await sql`DELETE FROM media_usage WHERE day < (clock_timestamp() AT TIME ZONE 'UTC')::date - ${sql.lit(usageDays)}`.execute(db);
        return Number(dropped);
      }),
    garbage: (most) =>
      use(async (db) => {
        const { rows } = await sql<{ blob: string }>`SELECT blob FROM media_garbage ORDER BY since LIMIT ${most}`.execute(db);
        return rows.map(({ blob }) => blob);
      }),
    forget: (blobs) =>
      use(async (db) => {
        await sql`DELETE FROM media_garbage WHERE blob = ANY (${[...blobs]}::text[])`.execute(db);
      }),
    compare: (after, to, listed) =>
      use(async (db) => {
        const names = [...listed];
        const { rows } = await sql<{ blob: string }>`
          SELECT l.blob FROM unnest(${names}::text[]) AS l (blob) WHERE NOT EXISTS (SELECT FROM media_parts p WHERE p.blob = l.blob)`.execute(db);
        const within = to === undefined ? sql`p.blob > ${after}` : sql`p.blob > ${after} AND p.blob <= ${to}`;
        // a part is stored after its blob, so that the list may lack those that came later than it
        const { rows: lost } = await sql`
          UPDATE chat_attachments a SET lost_at = clock_timestamp() WHERE lost_at IS NULL AND stored_at < clock_timestamp() - ${sql.lit(lostFromAge)}::interval
            AND id IN (SELECT p.attachment_id FROM media_parts p WHERE ${within} AND p.blob <> ALL (${names}::text[])) RETURNING 1`.execute(db);
        await sql`
          UPDATE chat_attachments a SET lost_at = NULL WHERE lost_at IS NOT NULL
            AND id IN (SELECT attachment_id FROM media_parts WHERE blob = ANY (${names}::text[]))
            AND NOT EXISTS (SELECT FROM media_parts p WHERE p.attachment_id = a.id AND p.blob <> ALL (${names}::text[]))`.execute(db);
        // retention drops old messages as a whole
        await sql`
          DELETE FROM chat_attachments a WHERE id IN (SELECT p.attachment_id FROM media_parts p WHERE ${within}) AND seq IS NOT NULL
            AND NOT EXISTS (SELECT FROM chat_events e WHERE e.conversation_id = a.conversation_id AND e.seq = a.seq AND e.deleted_seq IS NULL)`.execute(
          db,
        );
        return { strange: rows.map(({ blob }) => blob), lost: lost.length };
      }),
    hold: (name, holder, forMs) => use((db) => takeTurn(db, { name, holder, forMs })),
    release: (name, holder, place) => use((db) => endTurn(db, { name, holder, place })),
  };
}
