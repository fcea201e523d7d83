import { Metadata } from 'nice-grpc-common';
import type { CacheEntry, MetadataPairs } from '../ports/cache-store.ts';
import type { Answer, ReadyCall } from '../ports/call.ts';
import type { CacheCounts, CacheResult } from './cache-metrics.ts';
import type { CachedMethod } from './cached-method.ts';
import { matches } from './etag.ts';

/** An answer as it came from a computation or from the store. */
export type Whole = Pick<CacheEntry, 'body' | 'metadata' | 'trailers'> & { readonly etag: string | undefined; readonly partial?: boolean };

/** The origin of an answer. */
export type How = {
  readonly result: Exclude<CacheResult, 'not_modified'>;
  /** What is left of its fresh time, whole milliseconds; undefined for what was not stored. */
  readonly freshForMs: number | undefined;
  /** Only of a stale one. */
  readonly ageMs?: number;
};

/** What a reply is to, and where it is counted. */
export type ReplyTo = { readonly method: CachedMethod; readonly call: ReadyCall; readonly counts: CacheCounts };

const emptyBody = new Uint8Array(0);

/**
 * The answer as the client gets it, counted and noted in the trace. Metadata: `portico-cache` (its origin), `etag`
 * unless parts are missing, `portico-stale` (age in seconds), `portico-not-modified` with an empty message when the
 * client's `if-none-match` names the etag; for Connect, whose GETs HTTP caches understand, `cache-control` and `vary`.
 */
export function replyOf({ method, call, counts }: ReplyTo, whole: Whole, { result, freshForMs, ageMs }: How): Answer {
  const answer = answerOf(whole);
  const metadata = answer.metadata.set('portico-cache', result);
  if (ageMs !== undefined) metadata.set('portico-stale', ageOf(ageMs));
  if (call.protocol === 'connect') method.cacheControl(metadata, freshForMs);
  const wanted = call.metadata.get('if-none-match');
  const unchanged = typeof wanted === 'string' && whole.etag !== undefined && matches(wanted, whole.etag);
  note(call, counts, unchanged ? 'not_modified' : result);
  if (!unchanged) return answer;
  metadata.set('portico-not-modified', '1');
  return { ...answer, body: emptyBody };
}

/** A stored answer as the client receives it. */
export function replyEntry(to: ReplyTo, entry: CacheEntry, result: 'hit' | 'stale', nowMs: number): Answer {
  const how = { result, freshForMs: Math.max(0, entry.freshUntilMs - nowMs) };
  return replyOf(to, entry, result === 'hit' ? how : { ...how, freshForMs: 0, ageMs: nowMs - entry.computedAtMs });
}

/**
 * The metadata before a stream whose first message is a stored answer: its origin. The etag follows at the end, because
 * another message may follow.
 */
export function streamMetadata({ call, counts }: Omit<ReplyTo, 'method'>, entry: CacheEntry, result: 'hit' | 'stale', nowMs: number): Metadata {
  note(call, counts, result);
  const metadata = metadataOf(entry.metadata).set('portico-cache', result);
  return result === 'hit' ? metadata.set('etag', entry.etag) : metadata.set('portico-stale', ageOf(nowMs - entry.computedAtMs));
}

/** Says of the last message of a stream that it is an old one. */
export function markStale(trailers: Metadata, { etag, computedAtMs }: CacheEntry, nowMs: number): Metadata {
  return trailers.set('etag', etag).set('portico-stale', ageOf(nowMs - computedAtMs));
}

const ageOf = (ms: number) => String(Math.max(0, Math.floor(ms / 1_000)));

/**
 * The answer with bytes of its own: what a handler gives may be a view into a pooled Buffer. Partial ones have no etag.
 */
export function wholeOf(method: CachedMethod, { body, metadata, trailers, partial = false }: Answer): Whole {
  if (!(body instanceof Uint8Array)) throw new Error(`${method.plan.method} is unary, but answered with a stream.`);
  const own = new Uint8Array(body);
  return { body: own, etag: partial ? undefined : method.etagOf(own), metadata: pairsOf(metadata), trailers: pairsOf(trailers), partial };
}

/** An answer with metadata and trailers of its own, which those around may add to. */
export function answerOf({ body, etag, metadata: pairs, trailers, partial }: Whole): Answer {
  const metadata = metadataOf(pairs);
  if (etag !== undefined) metadata.set('etag', etag);
  const answer: Answer = { metadata, body, trailers: metadataOf(trailers) };
  return partial ? { ...answer, partial } : answer;
}

/** Counts a call, and says in its span and log line what became of it. */
export function note(call: ReadyCall, counts: CacheCounts, result: CacheResult): void {
  counts.requests[result]++;
  call.trace.annotate('portico.cache.result', result);
}

export function metadataOf(pairs: MetadataPairs): Metadata {
  const metadata = Metadata();
  for (const [key, values] of pairs) metadata.set(key, [...values]);
  return metadata;
}

const noPairs: MetadataPairs = [];

/** Metadata as data that can be kept. The server's own keys are omitted: they are set for each call. */
function pairsOf(metadata: Metadata): MetadataPairs {
  const pairs = [...metadata].filter(([key]) => !key.startsWith('portico-'));
  return pairs.length === 0 ? noPairs : pairs;
}
