import { LRUCache } from 'lru-cache';
import type { CacheEntry, CacheStore } from '../../ports/cache-store.ts';
import type { MemoryLeases } from './leases.ts';

/** What an entry costs beside its bytes and texts: objects, map slots, one Metadata. Measured at about 700 bytes with 100,000 small entries. */
const entryOverheadBytes = 700;
/** No scope may take more than this part of all bytes: a tenth, so that no single caller can push out the others. */
const scopeShare = 0.1;

/**
 * Answers of one process, the least recently used going first.
 * @param bytesMax bound of all entries together, keys and overhead included
 * @param leases those that entries are set with, if they are
 */
export function memoryCacheStore({ bytesMax, leases }: { bytesMax: number; leases?: MemoryLeases }): CacheStore {
  const scopeBytesMax = Math.floor(bytesMax * scopeShare);
  const scopes = new Map<string, { bytes: number; keys: Set<string> }>();
  const entries = new LRUCache<string, CacheEntry>({
    maxSize: Math.max(1, bytesMax), // 0 would be no bound; it is one that nothing fits in
    sizeCalculation: (entry, key) => sizeOf(key, entry),
    dispose: (entry, key) => {
      const scope = scopes.get(entry.scope);
      if (scope === undefined) return;
      scope.bytes -= sizeOf(key, entry);
      scope.keys.delete(key);
      if (scope.keys.size === 0) scopes.delete(entry.scope);
    },
  });

  return {
    get: (key) => entries.get(key),
    set: (key, entry, lease) => {
      if (lease !== undefined && leases?.holds(lease) !== true) return 'lease_over';
      if (lease !== undefined) void leases?.release(lease);
      entries.delete(key); // so that what it took is given back before its scope is measured
      const size = sizeOf(key, entry);
      if (size > scopeBytesMax) return 'too_large';
      const scope = scopes.get(entry.scope) ?? { bytes: 0, keys: new Set() };
      for (const oldest of scope.keys) {
        if (scope.bytes + size <= scopeBytesMax) break;
        entries.delete(oldest);
      }
      scope.bytes += size;
      scope.keys.add(key);
      scopes.set(entry.scope, scope); // also when the last of its entries has just gone
      entries.set(key, entry);
      return 'stored';
    },
  };
}

/** Strings are counted with two bytes a character: V8 takes one or two. */
function sizeOf(key: string, { body, etag, metadata, trailers, tags, scope }: CacheEntry): number {
  let size = entryOverheadBytes + body.byteLength + 2 * (key.length + etag.length + scope.length);
  for (const tag of tags) size += 2 * tag.length + 24;
  for (const pairs of [metadata, trailers]) {
    for (const [name, values] of pairs) size += values.reduce((sum, value) => sum + 2 * value.length, 2 * name.length + 100);
  }
  return size;
}
