import type { Clock } from '../../kit/clock.ts';
import { linksMax, type ShortSpans, type SpanContext } from '../../ports/short-spans.ts';
import { destinationOf } from './topic-namespaces.ts';

/** Called when a batch begins to be passed on, if one of its senders is recorded. @returns called when all have it */
export type TraceDelivery = (
  origins: readonly SpanContext[],
  events: number,
) => (followers: readonly { readonly span?: SpanContext | undefined }[]) => void;

/** One span for a batch of a topic, however many follow. */
export function traceDelivery(topic: string, spans: ShortSpans, clock: Clock): TraceDelivery {
  return (origins, events) => {
    const startedAtMs = clock.nowMs();
    const startedMs = clock.monotonicMs();
    return (followers) =>
      spans.delivered({
        name: 'deliver topic',
        destination: destinationOf(topic)['messaging.destination.template'],
        origins,
        streams: followers.slice(0, linksMax.streams).flatMap(({ span }) => span ?? []),
        events,
        followers: followers.length,
        startedAtMs,
        durationMs: clock.monotonicMs() - startedMs,
      });
  };
}
