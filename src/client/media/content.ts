import { ownError } from '../call-error.ts';
import type { Hash } from '../transport.ts';

/** What is uploaded. It must stay the same until it is: a copy of a file, not the file that a user may change. */
export type Content = {
  readonly sizeBytes: number;
  /** Its bytes from `offset` on, in pieces of any size. Opened for its hash, and again whenever the upload resumes. */
  open(offset: number): AsyncIterable<Uint8Array>;
};

/** Bytes that are in memory. */
export function bytesContent(bytes: Uint8Array): Content {
  return {
    sizeBytes: bytes.length,
    open: async function* (offset) {
      yield bytes.subarray(offset);
    },
  };
}

/** Bytes of one message of an upload: 1 MiB is the largest that the server takes. */
const pieceBytes = 65_536;

/**
 * The rest of a content in pieces that a message can have.
 * @throws CallError CONTENT_UNREADABLE, CONTENT_CHANGED when it has another size than it says
 */
export async function* piecesOf({ sizeBytes, open }: Content, offset: number): AsyncGenerator<Uint8Array> {
  const unreadable = (error: unknown): never => {
    throw ownError('FAILED_PRECONDITION', 'CONTENT_UNREADABLE', 'The content cannot be read.', error);
  };
  let iterator: AsyncIterator<Uint8Array>;
  try {
    iterator = open(offset)[Symbol.asyncIterator]();
  } catch (error) {
    return unreadable(error);
  }
  try {
    for (let at = offset; ; ) {
      const { done, value } = await iterator.next().catch(unreadable);
      if (done && at === sizeBytes) return;
      if (done || at + value.length > sizeBytes) throw ownError('FAILED_PRECONDITION', 'CONTENT_CHANGED', `The content has not ${sizeBytes} bytes.`);
      for (let from = 0; from < value.length; from += pieceBytes) yield value.subarray(from, from + pieceBytes);
      at += value.length;
    }
  } finally {
    await iterator.return?.();
  }
}

/** SHA-256 of all of a content. @throws CallError as `piecesOf` */
export async function hashOf(content: Content, hash: Hash): Promise<Uint8Array> {
  for await (const bytes of piecesOf(content, 0)) hash.update(bytes);
  return hash.digest();
}
