import { Fault } from '../../kit/fault.ts';
import type { Blobs } from '../../ports/blobs.ts';

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
