import { promisify } from 'node:util';
import { gunzip, gunzipSync, gzipSync, inflate, inflateSync } from 'node:zlib';
import type { MethodPlan } from '../../core/kit/plan.ts';
import type { Soon } from '../../core/kit/soon.ts';
import type { KeptForms } from '../../core/ports/cache-store.ts';
import type { Codec } from './codec.ts';
import { compressedFlag, type Frame, frame } from './frames.ts';
import { encodingMissing, encodingUnknown, flagsUnknown, notCompressed, tooLarge } from './request-faults.ts';

/** Encodings of requests. Undefined: not compressed. */
export type Encoding = 'gzip' | 'deflate' | undefined;

/** The value of headers with the supported encodings of requests. */
export const acceptedEncodings = 'gzip, deflate';

/** Smaller answers do not benefit. Connect's own limit. Bytes. */
const gzipBytesMin = 1_024;
/** A larger answer would delay all others for milliseconds. Bytes. */
const gzipBytesMax = 262_144;
/** Codings of one header that are looked at. */
const codingsMax = 20;
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

/**
 * What a client accepts of gzip, by `accept-encoding` and those like it (RFC 9110, section 12.5.3). `always`: it
 * refuses an answer that is not compressed.
 */
export type Gzip = 'never' | 'large' | 'always';

/** One client sends the same header each time. */
let last: readonly [header: string, meaning: Gzip] = ['', 'never'];

export function gzipFor(accepted: string | string[] = ''): Gzip {
  const header = String(accepted);
  if (header !== last[0]) last = [header, meaningOf(header)];
  return last[1];
}

function meaningOf(header: string): Gzip {
  const weights = new Map<string, number>();
  for (const item of header.toLowerCase().split(',', codingsMax)) {
    const [name = '', ...parameters] = item.split(';').map((part) => part.trim());
    const weight = parameters.find((parameter) => /^q\s*=/.test(parameter))?.replace(/^q\s*=\s*/, '') ?? '1';
    weights.set(name === 'x-gzip' ? 'gzip' : name, /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(weight) ? Number(weight) : 0);
  }
  const all = weights.get('*');
  const [compressed, plain] = [weights.get('gzip') ?? all ?? 0, weights.get('identity') ?? (all === 0 ? 0 : undefined)];
  if (compressed === 0 || (plain ?? 0) > compressed) return 'never';
  return plain === 0 ? 'always' : 'large';
}

function isWorth({ byteLength }: Uint8Array, gzip: Gzip): boolean {
  return gzip === 'always' || (gzip === 'large' && byteLength >= gzipBytesMin && byteLength <= gzipBytesMax);
}

/** A form of an answer: the one that was kept, or one that is made now and kept. */
function madeOnce(forms: KeptForms | undefined, form: string, make: () => Uint8Array): Uint8Array {
  const kept = forms?.get(form);
  if (kept !== undefined) return kept;
  const made = make();
  forms?.keep(form, made);
  return made;
}

const shared = new WeakMap<Uint8Array, Map<string, Uint8Array>>();

/** Keeps the other forms of a stream's message for as long as that is held: an event goes to many clients. */
export function formsOfMessage(plan: MethodPlan, message: Uint8Array): KeptForms {
  const type = plan.descriptor.output.typeName;
  return {
    get: (form) => shared.get(message)?.get(`${type} ${form}`),
    keep: (form, bytes) => {
      const forms = shared.get(message) ?? new Map<string, Uint8Array>();
      shared.set(message, forms.set(`${type} ${form}`, bytes));
    },
  };
}

/** What the client accepts, and where an answer of the cache keeps its other forms. */
export type Packing = { readonly gzip: Gzip; readonly forms?: KeptForms | undefined };

/** A message as a client receives it. */
export type Encoded = { readonly bytes: Uint8Array; readonly compressed: boolean };

/**
 * Encodes a message of an answer, and compresses it if the client accepts it and it pays.
 * @throws as `codec.write`
 */
export function encoded(codec: Codec, plan: MethodPlan, message: Uint8Array, { gzip, forms }: Packing): Encoded {
  const { name } = codec;
  const bytes = name === 'proto' ? message : madeOnce(forms, name, () => codec.write(plan, message));
  if (!isWorth(bytes, gzip)) return { bytes, compressed: false };
  return { bytes: madeOnce(forms, `${name} gzip`, () => gzipped(bytes)), compressed: true };
}

/** A large answer is only stored in gzip's form, for a client that accepts no other: it costs a copy and a checksum. */
function gzipped(bytes: Uint8Array): Uint8Array {
  const { byteLength } = bytes;
  return gzipSync(bytes, byteLength > gzipBytesMax ? { level: 0, chunkSize: byteLength + Math.ceil(byteLength / 1_000) + 64 } : {});
}

/** The same as a frame of a stream. */
export function encodedFrame(...of: Parameters<typeof encoded>): Buffer {
  const { bytes, compressed } = encoded(...of);
  return frame(compressed ? compressedFlag : 0, bytes);
}
