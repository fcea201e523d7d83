import type { Part } from '../../ports/attachments.ts';
import type { Blobs } from '../../ports/blobs.ts';

/** The bytes of a content from `from` up to `to`, which is not among them. */
export async function* readParts(blobs: Blobs, parts: readonly Part[], from: number, to: number): AsyncGenerator<Uint8Array> {
  for (const { firstByte, sizeBytes, blob } of parts) {
    const begin = Math.max(from, firstByte);
    const end = Math.min(to, firstByte + sizeBytes);
    if (begin < end) yield* blobs.read(blob, begin - firstByte, end - firstByte);
  }
}
