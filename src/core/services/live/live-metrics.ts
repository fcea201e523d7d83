import type { Meter } from '@opentelemetry/api';

/** The counters of live streams: plain numbers, because an event for a thousand clients counts a thousand times. */
export type LiveCounts = {
  events: number;
  snapshots: number;
  computes: number;
  closed(what: 'stream' | 'subscription' | 'watch', reason: string): void;
};

/** @param now what there is at this moment */
export function liveCounts(
  meter: Meter,
  now: { readonly streams: () => number; readonly topics: () => number; readonly watched: () => number },
): LiveCounts {
  const closings = meter.createCounter('portico.live.closed', {
    description: 'Streams, subscriptions and watches that the server closed, by reason.',
  });
  const counts: LiveCounts = { events: 0, snapshots: 0, computes: 0, closed: (what, reason) => closings.add(1, { what, reason }) };
  meter.createObservableGauge('portico.live.streams', { description: 'Open live streams.' }).addCallback((seen) => seen.observe(now.streams()));
  meter
    .createObservableGauge('portico.live.topics', { description: 'Topics that clients of this replica listen to.' })
    .addCallback((seen) => seen.observe(now.topics()));
  meter
    .createObservableGauge('portico.live.watched', { description: 'Answers that clients of this replica watch.' })
    .addCallback((seen) => seen.observe(now.watched()));
  meter.createObservableCounter('portico.live.events', { description: 'Events sent to clients.' }).addCallback((seen) => seen.observe(counts.events));
  meter
    .createObservableCounter('portico.live.snapshots', { description: 'Snapshots sent to clients.' })
    .addCallback((seen) => seen.observe(counts.snapshots));
  meter
    .createObservableCounter('portico.live.computes', { description: 'Computations of watched answers that had changed, or whose time was over.' })
    .addCallback((seen) => seen.observe(counts.computes));
  return counts;
}
