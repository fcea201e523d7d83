import { gzipSync } from 'node:zlib';
import type { MethodPlan } from '../../core/kit/method-plan.ts';
import type { KeptForms } from '../../core/ports/cache-store.ts';
import type { Codec } from './codec.ts';
import { compressedFlag, frame } from './length-prefixed-messages.ts';

/** Smaller answers do not benefit. Connect's own limit. Bytes. */
const gzipBytesMin = 1_024;
/** A larger answer would delay all others for milliseconds. Bytes. */
const gzipBytesMax = 262_144;
/** Codings of one header that are looked at. */
const codingsMax = 20;

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
