import { Metadata } from 'nice-grpc-common';

type Pairs = Iterable<readonly [key: string, values: readonly (string | Uint8Array)[]]>;

/** What HTTP/2 counts for a header besides its text (RFC 9113, section 6.5.2), Connect's prefix of trailers, CORS. */
export const headerBytes = 32 + 2 * 'trailer-, '.length;

/** The headers of the protocols themselves, and the server's own metadata of an answer. Bytes. */
export const ownHeadersBytes = 1088;

/** The bytes that metadata takes in the protocol that takes the most: in headers, or in the JSON of Connect. */
export function metadataBytes(metadata: Pairs): number {
  let bytes = 0;
  for (const [key, values] of metadata) for (const value of values) bytes += valueBytes(key, value);
  return bytes;
}

/** As much metadata as fits: the server's own first, then in its order. */
export function metadataWithin(metadata: Pairs, bytesMax: number): Metadata {
  const kept = Metadata();
  let left = bytesMax;
  const own = (key: string) => (key.startsWith('portico-') ? 0 : 1);
  for (const [key, values] of [...metadata].sort(([a], [b]) => own(a) - own(b))) {
    const bytes = metadataBytes([[key, values]]);
    if (bytes > left) continue;
    left -= bytes;
    kept.set(key, values as never);
  }
  return kept;
}

/** A page receives the names of all headers in a list besides, and in JSON a quote takes two bytes. */
function valueBytes(key: string, value: string | Uint8Array): number {
  const bytes = typeof value === 'string' ? jsonBytes(value) : Math.ceil((value.byteLength * 4) / 3);
  return 2 * key.length + headerBytes + bytes;
}

/** The bytes of a text in JSON. Most values need no escapes, and are then not written only to be measured. */
function jsonBytes(value: string): number {
  return /^[ !#-[\]-~]*$/.test(value) ? value.length + 2 : Buffer.byteLength(JSON.stringify(value));
}
