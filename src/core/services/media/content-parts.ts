import type { Attachments, Part } from '../../ports/attachments.ts';
import type { Blobs, BlobWriter } from '../../ports/blobs.ts';

export type PartWriter = {
  /** How many bytes were given, those of before among them. */
  readonly bytes: number;
  /** @returns false: another call has taken over the upload */
  write(bytes: Uint8Array): Promise<boolean>;
  /** Stores what was given so far. @returns false: as `write` */
  flush(): Promise<boolean>;
  /** Gives up what is not stored yet. */
  abort(): Promise<void>;
};

/**
 * Writes a content as parts: each is a blob of its own, which counts once its row is there.
 * @param from where the content continues
 */
export function openPartWriter(
  {
    attachments,
    blobs,
    randomHex,
  }: { readonly attachments: Pick<Attachments, 'add'>; readonly blobs: Blobs; readonly randomHex: (digits: number) => string },
  { id, writer, from }: { readonly id: string; readonly writer: string; readonly from: number },
): PartWriter {
  let stored = from;
  let open: { readonly blob: string; readonly to: BlobWriter; bytes: number } | undefined;
  const flush = async () => {
    if (open === undefined) return true;
    const { blob, to, bytes } = open;
    await to.finish();
    open = undefined;
    const part: Part = { firstByte: stored, sizeBytes: bytes, blob };
    stored += bytes;
    return attachments.add(id, writer, part);
  };
  return {
    get bytes() {
      return stored + (open?.bytes ?? 0);
    },
    flush,
    write: async (bytes) => {
      for (let at = 0; at < bytes.length; ) {
        if (open === undefined) {
          const blob = `${id}/${stored.toString().padStart(placeDigits, '0')}-${randomHex(16)}`;
          open = { blob, to: await blobs.create(blob), bytes: 0 };
        }
        const piece = bytes.subarray(at, at + blobs.blobBytesMax - open.bytes);
        await open.to.write(piece);
        open.bytes += piece.length;
        at += piece.length;
        if (open.bytes === blobs.blobBytesMax && !(await flush())) return false;
      }
      return true;
    },
    abort: async () => {
      const left = open;
      open = undefined;
      await left?.to.abort();
    },
  };
}

/** So that the names of parts have their order: a terabyte. */
const placeDigits = 13;

/** The bytes of a content from `from` up to `to`, which is not among them. */
export async function* readParts(blobs: Blobs, parts: readonly Part[], from: number, to: number): AsyncGenerator<Uint8Array> {
  for (const { firstByte, sizeBytes, blob } of parts) {
    const begin = Math.max(from, firstByte);
    const end = Math.min(to, firstByte + sizeBytes);
    if (begin < end) yield* blobs.read(blob, begin - firstByte, end - firstByte);
  }
}
