import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { CacheEntry, MetadataPairs } from '../../ports/cache-store.ts';

/** The first byte of every value; another format is another number. */
const format = 3;
const compressed = 1;
/**
 * Bodies from this size on are compressed. Measured on text with repetitions: 4 KiB become 2 in 44 µs, and are read in
 * 10; smaller ones cost a reader as much and save little. Bytes.
 */
const compressFrom = 4_096;
/**
 * Larger bodies are neither stored nor believed: compressing and reading one holds the event loop up. Measured: 10 ms
 * for each MiB. Bytes.
 */
export const bodyMax = 4 * 1_048_576;
/** The largest entry that is shared, as it is stored. Bytes. */
export const entryBytesMax = 1_048_576;

type Value = string | { readonly b: string };
type Pairs = readonly (readonly [string, readonly Value[]])[];
type Header = readonly [
  etag: string,
  generation: string,
  tags: readonly string[],
  versions: readonly number[],
  startedAt: number,
  computedAtMs: number,
  freshUntilMs: number,
  staleUntilMs: number,
  scope: string,
  metadata: Pairs,
  trailers: Pairs,
  bodyBytes: number,
];

/** An entry as one value: format, flags, the header's length (4 bytes), the header as JSON, the body. */
export function encodeEntry(entry: CacheEntry): Buffer {
  const { etag, generation, tags, versions, startedAt, computedAtMs, freshUntilMs, staleUntilMs, scope, metadata, trailers, body } = entry;
  const header: Header = [
    etag,
    generation,
    tags,
    versions,
    startedAt,
    computedAtMs,
    freshUntilMs,
    staleUntilMs,
    scope,
    pairsToJson(metadata),
    pairsToJson(trailers),
    body.length,
  ];
  const text = Buffer.from(JSON.stringify(header));
  const small = body.length < compressFrom ? undefined : deflateRawSync(body, { level: 1 });
  const flags = small !== undefined && small.length < body.length ? compressed : 0;
  const start = Buffer.from([format, flags, 0, 0, 0, 0]);
  start.writeUInt32BE(text.length, 2);
  return Buffer.concat([start, text, flags === compressed && small !== undefined ? small : body]);
}

/** @returns undefined for an entry of another release, or one that was cut */
export function decodeEntry(value: Buffer): CacheEntry | undefined {
  if (value.length < 6 || value[0] !== format || (value[1] as number) > compressed) return undefined;
  try {
    const bodyAt = 6 + value.readUInt32BE(2);
    const header = JSON.parse(value.toString('utf8', 6, bodyAt)) as Header;
    const [etag, generation, tags, versions, startedAt, computedAtMs, freshUntilMs, staleUntilMs, scope, metadata, trailers, bodyBytes] = header;
    const rest = value.subarray(bodyAt);
    const body = new Uint8Array(value[1] === compressed ? inflateRawSync(rest, { maxOutputLength: bodyMax }) : rest);
    if (body.length !== bodyBytes) return undefined;
    const times = { computedAtMs, freshUntilMs, staleUntilMs };
    return {
      body,
      etag,
      generation,
      tags,
      versions,
      startedAt,
      ...times,
      scope,
      metadata: pairsFromJson(metadata),
      trailers: pairsFromJson(trailers),
    };
  } catch {
    return undefined; // a miss: what is computed anew takes its place
  }
}

/**
 * Whose an entry counts as, and its tags, of its first bytes.
 * @returns the number of bytes that have them, if these are too few; undefined for an entry of another release
 */
export function headerOf(start: Buffer): Pick<CacheEntry, 'scope' | 'tags'> | number | undefined {
  if (start.length < 6 || start[0] !== format) return undefined;
  const end = 6 + start.readUInt32BE(2);
  if (end > entryBytesMax) return undefined;
  if (end > start.length) return end;
  try {
    const [, , tags, , , , , , scope] = JSON.parse(start.toString('utf8', 6, end)) as Header;
    return { tags, scope };
  } catch {
    return undefined;
  }
}

function pairsToJson(pairs: MetadataPairs): Pairs {
  return pairs.map(([key, values]) => [
    key,
    values.map((value) => (typeof value === 'string' ? value : { b: Buffer.from(value).toString('base64') })),
  ]);
}

function pairsFromJson(pairs: Pairs): MetadataPairs {
  return pairs.map(([key, values]) => [
    key,
    values.map((value) => (typeof value === 'string' ? value : new Uint8Array(Buffer.from(value.b, 'base64')))),
  ]);
}
