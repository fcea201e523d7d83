import { promisify } from 'node:util';
import { gunzip, gunzipSync, inflate, inflateSync } from 'node:zlib';
import type { Soon } from '../../core/kit/soon.ts';
import { compressedFlag, type Frame } from './length-prefixed-messages.ts';
import { encodingMissing, encodingUnknown, flagsUnknown, notCompressed, tooLarge } from './request-body-faults.ts';

/** Encodings of requests. Undefined: not compressed. */
export type Encoding = 'gzip' | 'deflate' | undefined;

/** The value of headers with the supported encodings of requests. */
export const acceptedEncodings = 'gzip, deflate';

/** Up to this decompressed size a synchronous call costs less than another thread. Bytes. */
const atOnceBytesMax = 65_536;

const asynchronously = { gzip: promisify(gunzip), deflate: promisify(inflate) };
const atOnce = { gzip: gunzipSync, deflate: inflateSync };

/**
 * The encoding that a header names.
 * @throws Fault ENCODING_UNKNOWN
 */
export function encodingOf(header: string | string[] | undefined): Encoding {
  if (header === undefined || header === '' || header === 'identity') return undefined;
  if (header === 'gzip' || header === 'deflate') return header;
  throw encodingUnknown(String(header), acceptedEncodings);
}

/** @throws Fault when it is not compressed in this way, or exceeds `bytesMax` when decompressed */
export function decompress(encoding: NonNullable<Encoding>, bytes: Uint8Array, bytesMax: number): Soon<Buffer> {
  const options = { maxOutputLength: bytesMax, rejectGarbageAfterEnd: encoding === 'deflate' }; // gzip may have several members (RFC 1952, section 2.2)
  const failed = (cause: unknown): never => {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(bytesMax);
    throw notCompressed(encoding, cause);
  };
  if (bytesMax > atOnceBytesMax) return asynchronously[encoding](bytes, options).catch(failed);
  try {
    return atOnce[encoding](bytes, options);
  } catch (error) {
    return failed(error);
  }
}

/**
 * The bytes of a message.
 * @throws Fault for invalid flags, or for a compressed message in a call without an encoding (gRPC: compression.md,
 * "INTERNAL")
 */
export function messageOf({ flags, bytes }: Frame, encoding: () => Encoding, bytesMax: number): Soon<Buffer> {
  const announced = encoding(); // also for an uncompressed message: grpc-go refuses such a call, too
  if (flags === 0) return bytes;
  if (flags !== compressedFlag) throw flagsUnknown(flags);
  if (announced === undefined) throw encodingMissing();
  return decompress(announced, bytes, bytesMax);
}
