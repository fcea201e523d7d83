import type { Blobs } from '../../ports/blobs.ts';
import { youngCollection } from '../v8/young-garbage.ts';

/**
 * Bytes of contents between two collections. All buffers of their way through the process are garbage soon: about twice
 * as much, and V8's limit is 64 MB.
 */
const bytesBetween = 6_291_456;

/**
 * Blobs whose bytes leave memory soon. V8 counts buffers outside of its heap, and collects all of the heap when they
 * have grown by 64 MB. Contents do that within a few uploads, and objects that would fill the young space do not come
 * along: those collections, of 60 MB of live objects, took half of the CPU of uploads. A collection of young objects
 * takes a millisecond, and frees the buffers.
 */
export function freeingBuffers(blobs: Blobs, collectYoung: () => void = youngCollection()): Blobs {
  let bytes = 0;
  const count = (more: number) => {
    bytes += more;
    if (bytes < bytesBetween) return;
    bytes = 0;
    collectYoung();
  };
  return {
    ...blobs,
    create: async (name) => {
      const { write, ...writer } = await blobs.create(name);
      return {
        ...writer,
        write: async (chunk) => {
          await write(chunk);
          count(chunk.length);
        },
      };
    },
    read: async function* (...part) {
      for await (const chunk of blobs.read(...part)) {
        count(chunk.length);
        yield chunk;
      }
    },
  };
}
