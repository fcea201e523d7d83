import type { OutgoingHttpHeaders } from 'node:http';
import { memo } from '../../core/kit/memo.ts';

/** Keys with their values. */
export type Pairs = Iterable<readonly [key: string, values: readonly (string | Uint8Array)[]]>;

/** Headers of the connection or of the protocol, which an answer's metadata cannot set. */
const ofHttp =
  /^(:|grpc-(status|message|encoding|accept-encoding|timeout)$|(connection|content-type|content-length|content-encoding|date|host|te|trailer|transfer-encoding|keep-alive|proxy-connection|upgrade|http2-settings|set-cookie)$)/;
const name = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;
/** Headers that HTTP allows once (Node throws at the second). */
const single = new Set(['age', 'etag', 'expires', 'last-modified', 'location', 'retry-after', 'server']);
const printable = /^[ -~\t]*$/;

const allowed = memo<boolean>(1_000, 64);
const isAllowed = (key: string) => allowed(key, () => name.test(key) && !ofHttp.test(key));

/**
 * Writes metadata into headers. Values that HTTP cannot carry are omitted, so that no answer fails because of an
 * upstream's metadata.
 * @param prefix of each key: Connect's unary trailers have one
 */
export function toHeaders(metadata: Pairs, headers: OutgoingHttpHeaders, prefix = ''): OutgoingHttpHeaders {
  for (const [key, values] of metadata) {
    if (!isAllowed(key)) continue;
    if (key.endsWith('-bin')) headers[prefix + key] = values.map(binary).join(',');
    else {
      const texts = values.filter((value): value is string => typeof value === 'string' && printable.test(value));
      if (texts.length > 0) headers[prefix + key] = texts.length === 1 || single.has(key) ? texts[0] : texts;
    }
  }
  return headers;
}

/** gRPC over HTTP/2, "Binary-Header": without padding. */
function binary(value: string | Uint8Array): string {
  return (typeof value === 'string' ? Buffer.from(value) : Buffer.from(value.buffer, value.byteOffset, value.byteLength))
    .toString('base64')
    .replace(/=+$/, '');
}

/** Adds keys to `vary`. */
export function alsoVary(headers: OutgoingHttpHeaders, key: string): void {
  const before = headers.vary;
  headers.vary = before === undefined ? key : `${Array.isArray(before) ? before.join(', ') : before}, ${key}`;
}
