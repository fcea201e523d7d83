import { type Kysely, sql } from 'kysely';
import { Fault } from '../../../kit/fault.ts';
import type { Announced, Part, Upload, UploadBounds } from '../../../ports/attachments.ts';
import { unknownConversation } from '../chat/append-events.ts';
import type { Database } from '../database-tables.ts';
import { type AttachmentRow, attachmentObject, attachmentOf, partsColumn, partsOf } from './attachment-rows.ts';

type Db = Kysely<Database>;
type Row = {
  owner_id: string;
  conversation_id: string | null;
  size_bytes: bigint;
  sha256: Buffer;
  name: string;
  calls: number;
  is_complete: boolean;
  parts: Part[] | null;
  attachment: AttachmentRow;
};

/** Begins an upload, or takes over one that has begun. Its row's lock is held until the bounds are checked. */
export function beginUpload(db: Db, wish: Announced, writer: string, bounds: UploadBounds): Promise<Upload> {
  return db.transaction().execute(async (tx) => {
    const { id, ownerId, conversationId, sizeBytes, sha256, name } = wish;
    const { rows: member } = await sql`SELECT FROM chat_members
      WHERE conversation_id = ${conversationId} AND user_id = ${ownerId} AND left_seq IS NULL FOR SHARE`.execute(tx);
    if (member.length === 0) throw unknownConversation();
    const { numAffectedRows: created = 0n } = await sql`
      INSERT INTO chat_attachments (id, owner_id, conversation_id, size_bytes, sha256, name, writer, calls)
      VALUES (${id}, ${ownerId}, ${conversationId}, ${sizeBytes}, ${Buffer.from(sha256)}, ${name}, ${writer}, 1)
      ON CONFLICT (id) DO NOTHING`.execute(tx);
    if (created > 0n) {
      await count(tx, wish, bounds);
      return { sizeBytes, parts: [], attachment: undefined };
    }
    const row = await locked(tx, id);
    if (row === undefined || !isSame(row, wish)) throw new Fault('UPLOAD_ID_REUSED', 'The id is that of another upload: use a new UUID.');
    if (row.is_complete) return { sizeBytes, parts: partsOf(row.parts), attachment: attachmentOf(row.attachment) };
    if (row.calls >= bounds.callsMax) {
      const metadata = { most: String(bounds.callsMax) };
      throw new Fault('UPLOADS_TOO_MANY', `An upload is resumed ${bounds.callsMax} times at most: begin a new one.`, { metadata });
    }
    await sql`UPDATE chat_attachments SET writer = ${writer}, calls = calls + 1 WHERE id = ${id}`.execute(tx);
    return { sizeBytes, parts: partsOf(row.parts), attachment: undefined };
  });
}

export async function readUpload(db: Db, id: string, ownerId: string): Promise<Upload | undefined> {
  const { rows } = await sql<Row>`${select} WHERE a.id = ${id} AND a.owner_id = ${ownerId}`.execute(db);
  const [row] = rows;
  return (
    row && { sizeBytes: Number(row.size_bytes), parts: partsOf(row.parts), attachment: row.is_complete ? attachmentOf(row.attachment) : undefined }
  );
}

const select = sql`SELECT a.owner_id, a.conversation_id, a.size_bytes, a.sha256, a.name, a.calls, a.completed_at IS NOT NULL AS is_complete, ${partsColumn},
  ${attachmentObject('a')} AS attachment FROM chat_attachments a`;

/** The parts are read behind the lock: a call that had it has committed. */
async function locked(tx: Db, id: string): Promise<Row | undefined> {
  await sql`SELECT FROM chat_attachments WHERE id = ${id} FOR UPDATE`.execute(tx);
  const { rows } = await sql<Row>`${select} WHERE a.id = ${id}`.execute(tx);
  return rows[0];
}

function isSame(row: Row, { ownerId, conversationId, sizeBytes, sha256, name }: Announced): boolean {
  return (
    row.owner_id === ownerId &&
    row.conversation_id === conversationId &&
    Number(row.size_bytes) === sizeBytes &&
    row.sha256.equals(sha256) &&
    row.name === name
  );
}

/** The row of the day is locked, so that uploads that begin at once are counted one after the other. */
async function count(tx: Db, { ownerId, sizeBytes }: Announced, { openMax, bytesPerDayMax }: UploadBounds): Promise<void> {
  const { rows } = await sql<{ bytes: bigint; tomorrow_ms: number }>`
    INSERT INTO media_usage AS u (owner_id, day, bytes) VALUES (${ownerId}, (clock_timestamp() AT TIME ZONE 'UTC')::date, ${sizeBytes})
    ON CONFLICT (owner_id, day) DO UPDATE SET bytes = u.bytes + EXCLUDED.bytes
    RETURNING bytes, extract(epoch FROM (day + 1)::timestamp AT TIME ZONE 'UTC' - clock_timestamp())::float8 * 1000 AS tomorrow_ms`.execute(tx);
  if (Number(rows[0]?.bytes) > bytesPerDayMax)
    throw new Fault('UPLOADS_TOO_MANY', `A user uploads ${bytesPerDayMax} bytes in a day at most.`, {
      metadata: { most: String(bytesPerDayMax) },
      retryAfterMs: Math.max(1_000, Math.ceil(rows[0]?.tomorrow_ms ?? 0)),
    });
  const { rows: open } = await sql`SELECT FROM chat_attachments
    WHERE owner_id = ${ownerId} AND completed_at IS NULL LIMIT ${openMax + 1}`.execute(tx);
  if (open.length > openMax)
    throw new Fault('UPLOADS_TOO_MANY', `A user has ${openMax} unfinished uploads at most.`, {
      metadata: { most: String(openMax) },
      retryAfterMs: 10_000,
    });
}
