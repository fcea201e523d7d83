import { promisify } from 'node:util';
import { gunzip, gunzipSync, gzipSync, inflate, inflateSync } from 'node:zlib';
import { Fault } from '../kit/fault.ts';
import type { Soon } from '../kit/soon.ts';
import { compressedFlag, type Frame } from './frames.ts';
import { tooLarge } from './request-faults.ts';

/** Encodings of requests. Undefined: not compressed. */
export type Encoding = 'gzip' | 'deflate' | undefined;

/** The value of headers with the supported encodings of requests. */
export const acceptedEncodings = 'gzip, deflate';

/** Smaller answers do not benefit. Connect's own limit. Bytes. */
const gzipBytesMin = 1_024;
/** A larger answer would delay all others for milliseconds. Bytes. */
const gzipBytesMax = 262_144;
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
  const encoding = String(header).slice(0, 40);
  throw new Fault('ENCODING_UNKNOWN', `Requests compressed by "${encoding}" are not understood: ${acceptedEncodings} are.`, {
    metadata: { encoding },
  });
}

/** @throws Fault when it is not compressed in this way, or exceeds `bytesMax` when decompressed */
export function decompress(encoding: NonNullable<Encoding>, bytes: Uint8Array, bytesMax: number): Soon<Buffer> {
  const options = { maxOutputLength: bytesMax };
  const failed = (cause: unknown): never => {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(bytesMax);
    throw new Fault('CALL_MALFORMED', `The request is not ${encoding}: it cannot be decompressed.`, { metadata: { encoding }, cause });
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
  if (flags !== compressedFlag)
    throw new Fault('CALL_MALFORMED', `A message has the flags ${flags}: 0 and 1 are known.`, { metadata: { flags: String(flags) } });
  if (announced === undefined) throw new Fault('ENCODING_MISSING', 'A message is marked as compressed, and no header says how.');
  return decompress(announced, bytes, bytesMax);
}

/** Whether a client accepts gzip: `accept-encoding` and those like it (RFC 9110, section 12.5.3). */
export function takesGzip(accepted: string | string[] | undefined): boolean {
  if (accepted === undefined) return false;
  if (accepted === 'gzip') return true;
  let any = false;
  for (const item of String(accepted).split(',')) {
    const [name = '', ...parameters] = item.toLowerCase().split(';');
    const refused = parameters.some((parameter) => /^\s*q=0(\.0{0,3})?\s*$/.test(parameter));
    if (name.trim() === 'gzip') return !refused;
    if (name.trim() === '*') any = !refused;
  }
  return any;
}

/** Whether an answer is worth compressing. */
export function isWorthGzip(bytes: Uint8Array): boolean {
  return bytes.byteLength >= gzipBytesMin && bytes.byteLength <= gzipBytesMax;
}

export function gzip(bytes: Uint8Array): Buffer {
  return gzipSync(bytes);
}
