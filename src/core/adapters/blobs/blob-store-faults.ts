import { Fault } from '../../kit/fault.ts';
import type { Blobs } from '../../ports/blobs.ts';

/** What the errors of a store mean. */
export type StoreErrors = { readonly isMissing: (error: unknown) => boolean; readonly isFull: (error: unknown) => boolean };

export function faultOfStore({ isFull }: Pick<StoreErrors, 'isFull'>, cause: unknown): Fault {
  return isFull(cause)
    ? new Fault('MEDIA_FULL', 'The store of attachments is full.', { retryAfterMs: 60_000, cause })
    : new Fault('MEDIA_DOWN', 'The store of attachments cannot do it now.', { retryAfterMs: 1_000, cause });
}

/**
 * Passes so many bytes on.
 * @throws Fault ATTACHMENT_LOST when the store has fewer, or none of them
 */
export async function* readWhole(open: () => Promise<AsyncIterable<Uint8Array>>, bytes: number, errors: StoreErrors): AsyncGenerator<Uint8Array> {
  if (bytes === 0) return;
  let left = bytes;
  try {
    for await (const chunk of await open()) {
      left -= chunk.length;
      yield chunk;
    }
  } catch (error) {
    throw errors.isMissing(error) ? lostBlob(error) : faultOfStore(errors, error);
  }
  if (left > 0) throw lostBlob();
}

function lostBlob(cause?: unknown): Fault {
  return new Fault('ATTACHMENT_LOST', 'The store has lost the content.', { cause });
}

const off = () => new Fault('MEDIA_OFF', 'This server has no store of attachments: set media.bucket or media.folder.');

/** Where nothing can be kept: a pod's own folder would lose it, and another replica would not have it. */
export const noBlobs: Blobs = {
  blobBytesMax: 1,
  create: async () => {
    throw off();
  },
  // biome-ignore lint/correctness/useYield: there is nothing to be read
  async *read() {
    throw off();
  },
  delete: async () => {},
  list: async () => [],
};
