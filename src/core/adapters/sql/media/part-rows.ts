import { sql } from 'kysely';
import type { Part } from '../../../ports/attachments.ts';

/** The parts of `a`, an attachment, in order. */
export const partsColumn = sql`(SELECT jsonb_agg(jsonb_build_object('firstByte', p.first_byte, 'sizeBytes', p.size_bytes, 'blob', p.blob) ORDER BY p.first_byte)
  FROM media_parts p WHERE p.attachment_id = a.id) AS parts`;

export function partsOf(parts: readonly Part[] | null): readonly Part[] {
  return parts ?? [];
}
