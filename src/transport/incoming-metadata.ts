import type { IncomingHttpHeaders } from 'node:http2';
import { base64Pattern } from '../core/kit/base64.ts';
import { clip } from '../core/kit/clip-text.ts';
import { Fault } from '../core/kit/fault.ts';
import { memo } from '../core/kit/memo.ts';
import type { CallMetadata } from '../core/ports/call.ts';

/** Longest value of one piece of metadata, in bytes. */
const valueBytesMax = 4_096;
const credentialBytesMax = 8_192 + 'Bearer '.length;

/**
 * gRPC over HTTP/2, "ASCII-Value": other characters would be dropped in transit, or fail the call where the metadata is
 * forwarded.
 */
const printable = /^[ -~]*$/;

/** gRPC over HTTP/2, "Binary-Header": commas separate several values, and padding is optional. */
const base64List = new RegExp(`^${base64Pattern}(?:, ?${base64Pattern})*$`);
/** RFC 3986, section 3.2.2 and 3.2.3: a name or an address, and a port. */
const host = /^([\w.~!$&'()*+,;=%-]*|\[[\da-fA-F:.]+\])(:\d*)?$/;

/** Keys that a client may not send: of the server, of a proxy, of gRPC between servers. */
const stripped = /^(portico-|x-portico-|x-forwarded-|endpoint-load-metrics|grpc-.*-bin$|(forwarded|grpc-previous-rpc-attempts|lb-token|baggage)$)/;
type Verdict = 'keep' | 'strip' | 'refuse';
const verdicts = memo<Verdict>(1_000, 64);
const verdictOf = (key: string) => verdicts(key, () => (stripped.test(key) ? 'strip' : key.includes('_') ? 'refuse' : 'keep'));

/**
 * Cleans the headers of one call in place: removes keys that a client may not send.
 * @param rawHeaders names and values alternating, as received
 * @throws Fault CALL_MALFORMED for keys with "_", for values that are too long, not printable ASCII or (of "-bin" keys)
 * not base64, and for two content types
 */
export function cleanHeaders(headers: IncomingHttpHeaders, rawHeaders: readonly string[]): void {
  joinRepeated(headers, rawHeaders);
  for (const key in headers) {
    const verdict = verdictOf(key);
    if (verdict === 'strip') delete headers[key];
    else if (verdict === 'refuse') throw refusedKey(key, 'has a "_": write "-" instead');
    else {
      const text = String(headers[key] ?? ''); // Node makes a list of set-cookie
      const { length } = text;
      const most = key === 'authorization' ? credentialBytesMax : valueBytesMax;
      if (length > most && key !== ':path') throw refusedKey(key, `has ${length} bytes: at most ${most} are allowed`);
      if (!printable.test(text) && key !== ':path')
        throw refusedKey(key, 'has characters that are not printable ASCII: use a key that ends in "-bin"');
      if (key.endsWith('-bin') && !base64List.test(text)) throw refusedKey(key, 'is not base64');
    }
  }
}

/** The client chooses the key, and headers carry it back. */
function refusedKey(key: string, why: string): Fault {
  const shown = clip(key, 100);
  return new Fault('CALL_MALFORMED', `The metadata key "${shown}" ${why}.`, { metadata: { key: shown } });
}

/** @throws Fault CALL_MALFORMED for an invalid host */
export function authorityOf(headers: IncomingHttpHeaders): string {
  const { ':authority': named, host: also } = headers;
  const authority = String(named ?? also ?? '');
  const differs = named !== undefined && also !== undefined && named.toLowerCase() !== also.toLowerCase(); // RFC 9113, section 8.3.1
  if (differs || !host.test(authority)) throw new Fault('CALL_MALFORMED', 'The host of the request is none.');
  return authority;
}

/**
 * Node silently keeps the first of several values, while a proxy or an upstream may use another. Two credentials are
 * none, so they are refused where one is needed.
 */
function joinRepeated(headers: IncomingHttpHeaders, rawHeaders: readonly string[]): void {
  let types = 0;
  let credentials = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    if (name.length === 12 && name.toLowerCase() === 'content-type' && ++types > 1) throw refusedKey('content-type', 'has two values');
    if (name.length === 13 && name.toLowerCase() === 'authorization' && ++credentials > 1) headers.authorization += `, ${rawHeaders[i + 1]}`;
  }
}

/** Headers of HTTP and of the protocols, which are not metadata. Pseudo headers begin with ":". */
const notOfTheCall = new Set(
  `accept accept-encoding connect-accept-encoding connect-content-encoding connect-protocol-version connection content-encoding content-length content-type
  expect grpc-accept-encoding grpc-encoding grpc-timeout host keep-alive te trailer transfer-encoding upgrade`.split(/\s+/),
);

/**
 * The metadata of a call, read on demand from its cleaned headers: of ten headers of a client, a call needs three or
 * four.
 */
export class IncomingMetadata implements CallMetadata {
  readonly #headers: IncomingHttpHeaders;
  constructor(headers: IncomingHttpHeaders) {
    this.#headers = headers;
  }
  // The type of a value depends on its key, which no body can prove to the compiler: hence `never`.
  get(key: string): never {
    return this.getAll(key)[0] as never;
  }
  getAll(key: string): never[] {
    const name = key.toLowerCase();
    const value = this.#headers[name];
    if (value === undefined || notOfTheCall.has(name) || name.startsWith(':')) return [];
    const text = typeof value === 'string' ? value : value.join(', ');
    return (name.endsWith('-bin') ? text.split(',').map((part) => Buffer.from(part.trim(), 'base64')) : [text]) as never[];
  }
  has(key: string): boolean {
    return this.getAll(key).length > 0;
  }
  *[Symbol.iterator](): IterableIterator<[string, (string | Uint8Array)[]]> {
    for (const key of Object.keys(this.#headers)) {
      const values = this.getAll(key);
      if (values.length > 0) yield [key, values];
    }
  }
}
