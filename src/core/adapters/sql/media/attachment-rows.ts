import { type RawBuilder, sql } from 'kysely';
import type { Attachment, Part } from '../../../ports/attachments.ts';

/** A complete attachment as `attachmentObject` gives it. */
export type AttachmentRow = {
  readonly id: string;
  readonly contentType: string;
  readonly sizeBytes: number;
  readonly name: string;
  /** In hexadecimal digits. */
  readonly sha256: string;
};

/** What `attachmentOf` takes, of a table's alias. */
export function attachmentObject(alias: string): RawBuilder<unknown> {
  const row = sql.id(alias);
  return sql`jsonb_build_object('id', ${row}.id, 'contentType', ${row}.content_type, 'sizeBytes', ${row}.size_bytes, 'name', ${row}.name,
    'sha256', encode(${row}.sha256, 'hex'))`;
}

/** The complete ones of an array of ids, in its order; NULL for none. */
export function attachmentsColumn(ids: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`CASE WHEN cardinality(${ids}) > 0 THEN (
    SELECT jsonb_agg(${attachmentObject('f')} ORDER BY array_position(${ids}, f.id))
    FROM chat_attachments f WHERE f.id = ANY (${ids}) AND f.completed_at IS NOT NULL) END AS attachments`;
}

export function attachmentOf({ sha256, ...row }: AttachmentRow): Attachment {
  return { ...row, sha256: Buffer.from(sha256, 'hex') };
}

/** The parts of `a`, an attachment, in order. */
export const partsColumn = sql`(SELECT jsonb_agg(jsonb_build_object('firstByte', p.first_byte, 'sizeBytes', p.size_bytes, 'blob', p.blob) ORDER BY p.first_byte)
  FROM media_parts p WHERE p.attachment_id = a.id) AS parts`;

export function partsOf(parts: readonly Part[] | null): readonly Part[] {
  return parts ?? [];
}
