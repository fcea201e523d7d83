import type { Meter } from '@opentelemetry/api';
import { observeCounter, observeGauge } from '../kit/observe-metric.ts';

/** The result of a call of a cached method. Every such call is counted once. */
export const cacheResults = ['hit', 'stale', 'miss', 'coalesced', 'refused', 'not_modified'] as const;
export type CacheResult = (typeof cacheResults)[number];

/** Why a computed answer was not stored. */
export const notStoredReasons = [
  'partial',
  'tag_empty',
  'tags_wrong',
  'moved',
  'settling',
  'too_large',
  'share_full',
  'lease_over',
  'store_down',
] as const;
export type NotStoredReason = (typeof notStoredReasons)[number];

/** How the shared store failed a call: it is unavailable, or it took longer than the wait budget of a call. */
export const storeFailures = ['down', 'slow'] as const;
export type StoreFailure = (typeof storeFailures)[number];

/** The cache's counters. */
export type CacheCounts = {
  requests: Record<CacheResult, number>;
  notStored: Record<NotStoredReason, number>;
  storeFailures: Record<StoreFailure, number>;
  /** Invalidations of writes that the shared store has not received. */
  pending: { now: number; dropped: number };
};

/** Plain numbers that the meter reads at each collection: a counter's `add` would cost a hit half a microsecond. */
export function cacheCounts(meter: Meter): CacheCounts {
  const counts: CacheCounts = {
    requests: zeros(cacheResults),
    notStored: zeros(notStoredReasons),
    storeFailures: zeros(storeFailures),
    pending: { now: 0, dropped: 0 },
  };
  const count = <Name extends string>(name: string, description: string, label: string, numbers: Readonly<Record<Name, number>>) =>
    meter.createObservableCounter(name, { description }).addCallback((observed) => {
      for (const [value, number] of Object.entries<number>(numbers)) observed.observe(number, { [label]: value });
    });
  count('portico.cache.requests', 'Calls of cached methods, by result.', 'result', counts.requests);
  count('portico.cache.not_stored', 'Computed answers that were not stored, by reason.', 'reason', counts.notStored);
  count('portico.cache.store_failures', 'Reads and writes that the shared store did not answer, or not in time.', 'reason', counts.storeFailures);
  const pending = 'Tags of writes whose invalidation the shared store has not received yet. This replica serves no answer with such a tag.';
  observeGauge(meter, 'portico.cache.invalidations_pending', pending, () => counts.pending.now);
  const dropped = 'Tags of writes whose invalidation was dropped because too many were pending.';
  observeCounter(meter, 'portico.cache.invalidations_dropped', dropped, () => counts.pending.dropped);
  return counts;
}

function zeros<Name extends string>(names: readonly Name[]): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
}
