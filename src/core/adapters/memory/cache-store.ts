import { isDeepStrictEqual } from 'node:util';
import type { Meter } from '@opentelemetry/api';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../kit/clock.ts';
import { scopeShare } from '../../kit/scoped-map.ts';
import type { CacheEntry, CacheStore, SetResult } from '../../ports/cache-store.ts';
import { countInvalidations } from '../telemetry/count-invalidations.ts';
import type { ScopesOf } from '../user-copies/answers-and-events.ts';
import { type Entries, memoryAnswersOfUsers } from './answers-of-users.ts';
import type { MemoryLeases } from './leases.ts';
import { type MemoryTagVersions, memoryTagVersions } from './tag-versions.ts';

/**
 * What an entry costs beside its bytes and texts: objects, map slots, one Metadata. Measured at about 700 bytes with
 * 100,000 small entries.
 */
const entryOverheadBytes = 700;
/**
 * What a tag costs beside its text: a place in the entry, and a version where that is in this process
 * (memory/tag-versions.ts).
 */
const tagOverheadBytes = 200;

/**
 * Answers of one process, the least recently used going first.
 * @param bytesMax bound of all entries together, keys and overhead included
 * @param leases those that entries are set with, if they are
 * @param versions where they are in this process, too: those of an entry's tags are kept as long as the entry, so that
 * no caller's tags push out another's
 */
export function memoryCacheStore({
  bytesMax,
  leases,
  versions,
  meter,
}: {
  bytesMax: number;
  meter?: Meter | undefined;
  leases?: MemoryLeases;
  versions?: Pick<MemoryTagVersions, 'retain' | 'release'>;
}): CacheStore & Entries {
  const scopeBytesMax = Math.floor(bytesMax * scopeShare);
  const scopes = new Map<string, { bytes: number; keys: Set<string> }>();
  const entries = new LRUCache<string, Held>({
    maxSize: Math.max(1, bytesMax), // 0 would be no bound; it is one that nothing fits in
    sizeCalculation: (held, key) => sizeOf(key, held),
    dispose: (held, key) => {
      versions?.release(held.entry.tags);
      const scope = scopes.get(held.entry.scope);
      if (scope === undefined) return;
      scope.bytes -= sizeOf(key, held);
      scope.keys.delete(key);
      if (scope.keys.size === 0) scopes.delete(held.entry.scope);
    },
  });
  meter
    ?.createObservableGauge('portico.cache.size', { unit: 'By', description: 'Size of the stored answers in memory.' })
    .addCallback((observed) => observed.observe(entries.calculatedSize));
  meter
    ?.createObservableGauge('portico.cache.entries', { description: 'Stored answers in memory.' })
    .addCallback((observed) => observed.observe(entries.size));
  const put = (key: string, held: Held): SetResult => {
    entries.delete(key); // so that what it took is given back before its scope is measured
    const size = sizeOf(key, held);
    if (size > scopeBytesMax) return 'too_large';
    const scope = scopes.get(held.entry.scope) ?? { bytes: 0, keys: new Set() };
    for (const oldest of scope.keys) {
      if (scope.bytes + size <= scopeBytesMax) break;
      entries.delete(oldest);
    }
    scope.bytes += size;
    scope.keys.add(key);
    scopes.set(held.entry.scope, scope); // also when the last of its entries has just gone
    versions?.retain(held.entry.tags);
    entries.set(key, held);
    return 'stored';
  };

  return {
    keys: () => [...entries.keys()],
    peek: (key) => entries.peek(key)?.entry,
    delete: (key) => void entries.delete(key),
    get: (key) => entries.get(key)?.entry,
    set: (key, entry, lease) => {
      if (lease !== undefined && leases?.holds(lease) !== true) return isDeepStrictEqual(entries.peek(key)?.entry, entry) ? 'stored' : 'lease_over';
      if (lease !== undefined) void leases?.release(lease);
      return put(key, { entry, forms: noForms });
    },
    forms: (key, entry) => {
      const heldNow = () => {
        const held = entries.peek(key);
        return held?.entry === entry ? held : undefined;
      };
      return {
        get: (form) => heldNow()?.forms.get(form),
        keep: (form, bytes) => {
          const held = heldNow();
          if (held === undefined) return;
          const more = { entry, forms: new Map(held.forms).set(form, bytes) };
          if (put(key, more) !== 'stored') put(key, held);
        },
      };
    },
  };
}

/** An entry with its other forms. */
type Held = { readonly entry: CacheEntry; readonly forms: ReadonlyMap<string, Uint8Array> };
const noForms: Held['forms'] = new Map();

/** Strings are counted with two bytes a character: V8 takes one or two. */
function sizeOf(key: string, { entry: { body, etag, metadata, trailers, tags, scope }, forms }: Held): number {
  let size = entryOverheadBytes + body.byteLength + 2 * (key.length + etag.length + scope.length);
  for (const bytes of forms.values()) size += bytes.byteLength + 100;
  for (const tag of tags) size += 4 * tag.length + tagOverheadBytes;
  for (const pairs of [metadata, trailers]) {
    for (const [name, values] of pairs) size += values.reduce((sum, value) => sum + 2 * value.length, 2 * name.length + 100);
  }
  return size;
}

type CacheParts = { readonly bytesMax: number; readonly clock: Clock; readonly scopesOf: ScopesOf; readonly meter?: Meter };

/** What a cache of one replica is made of: the versions of tags live as long as the entries that have them. */
export function memoryCache({ bytesMax, clock, scopesOf, meter }: CacheParts) {
  const versions = memoryTagVersions({ clock });
  const store = memoryCacheStore({ bytesMax, versions, meter });
  return { store, versions: countInvalidations(versions, meter), ofUsers: memoryAnswersOfUsers({ store, versions, scopesOf }) };
}
