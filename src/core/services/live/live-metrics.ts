import type { Meter } from '@opentelemetry/api';
import { observeCounter, observeGauge } from '../../kit/observe-metric.ts';

/** The counters of live streams: plain numbers, because an event for a thousand clients counts a thousand times. */
export type LiveCounts = {
  events: number;
  snapshots: number;
  /** Now. */
  subscriptions: number;
  computes: number;
  closed(what: 'stream' | 'subscription' | 'watch', reason: string): void;
};

/** @param now what there is at this moment */
export function liveCounts(
  meter: Meter,
  now: { readonly streams: () => number; readonly topics: () => number; readonly watched: () => number },
): LiveCounts {
  const closings = meter.createCounter('portico.live.closed', { description: 'Streams, subscriptions and watches that the server closed.' });
  const counts: LiveCounts = { events: 0, snapshots: 0, subscriptions: 0, computes: 0, closed: (what, reason) => closings.add(1, { what, reason }) };
  observeGauge(meter, 'portico.live.streams', 'Open live streams.', now.streams);
  observeGauge(meter, 'portico.live.subscriptions', 'Open subscriptions of clients.', () => counts.subscriptions);
  observeGauge(meter, 'portico.live.topics', 'Topics that clients of this replica listen to.', now.topics);
  observeGauge(meter, 'portico.live.watched', 'Answers that clients of this replica watch.', now.watched);
  observeCounter(meter, 'portico.live.events', 'Events sent to clients.', () => counts.events);
  observeCounter(meter, 'portico.live.snapshots', 'Snapshots sent to clients.', () => counts.snapshots);
  const computes = 'Computations of watched answers that had changed, or whose time was over.';
  observeCounter(meter, 'portico.live.computes', computes, () => counts.computes);
  return counts;
}
