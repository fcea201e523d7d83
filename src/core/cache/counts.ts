import type { Meter } from '@opentelemetry/api';

/** What became of a call of a cached method; every such call is counted once. */
export const cacheResults = ['hit', 'stale', 'miss', 'coalesced', 'refused', 'not_modified'] as const;
export type CacheResult = (typeof cacheResults)[number];

/** Why a computed answer was not stored. */
export const notStoredReasons = ['partial', 'tag_empty', 'tags_wrong', 'moved', 'too_large'] as const;
export type NotStoredReason = (typeof notStoredReasons)[number];

/** The cache's counters. */
export type CacheCounts = {
  requests: Record<CacheResult, number>;
  notStored: Record<NotStoredReason, number>;
};

/** Plain numbers that the meter reads when it is asked: a counter's `add` would cost a hit half a microsecond. */
export function cacheCounts(meter: Meter): CacheCounts {
  const counts: CacheCounts = {
    requests: { hit: 0, stale: 0, miss: 0, coalesced: 0, refused: 0, not_modified: 0 },
    notStored: { partial: 0, tag_empty: 0, tags_wrong: 0, moved: 0, too_large: 0 },
  };
  meter
    .createObservableCounter('portico.cache.requests', { description: 'Calls of cached methods by what became of them.' })
    .addCallback((observed) => {
      for (const result of cacheResults) observed.observe(counts.requests[result], { result });
    });
  meter
    .createObservableCounter('portico.cache.not_stored', { description: 'Computed answers that were not stored, by the reason.' })
    .addCallback((observed) => {
      for (const reason of notStoredReasons) observed.observe(counts.notStored[reason], { reason });
    });
  return counts;
}
