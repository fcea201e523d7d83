import type { Clock } from '../../kit/clock.ts';
import { linksMax, type ShortSpans, type SpanContext } from '../../ports/short-spans.ts';
import type { TopicEvent, TopicPosition } from '../../ports/topic-log.ts';
import type { Turns } from '../../streams/event-loop-turns.ts';
import { encodeEvents } from './encode-live.ts';
import { destinationOf } from './topic-namespaces.ts';

/** Events of a topic in their order, encoded once for all clients that get all of them. */
export type Batch = {
  /** Before its first event. */
  readonly after: TopicPosition;
  readonly events: readonly TopicEvent[];
  readonly end: TopicPosition;
  readonly message: Uint8Array;
};

export type Follower = {
  /** Of its stream. */
  readonly span?: SpanContext | undefined;
  onBatch(batch: Batch): void;
  /** Events were lost: what follows is after this position. */
  onLost(position: TopicPosition): void;
};

/** What one message has, unless one event is larger: as pages of the log that a client reads. */
const batchMost = { events: 100, bytes: 65_536 } as const;
/** What waits at most until all followers have the batch before: beyond it, everything is passed on at once. */
const pendingMost = { events: 500, bytes: 262_144 } as const;

type Pending = { readonly event: TopicEvent; readonly after: TopicPosition; readonly bytes: number; readonly origin: SpanContext | undefined };

/** Passes the events of a topic to its followers, a few in each turn. What comes meanwhile is the next batch. */
export function passBatches(topic: string, followers: ReadonlySet<Follower>, turns: Turns, trace?: TraceDelivery) {
  let pending: Pending[] = [];
  let pendingBytes = 0;
  let batch: Batch | undefined;
  let to: readonly Follower[] = [];
  let passed = 0;
  let endTrace: ReturnType<TraceDelivery> | undefined;

  /** Events that follow each other, as many as one message has. */
  const nextBatch = (): Batch | undefined => {
    const [first] = pending;
    if (first === undefined) return undefined;
    let [count, bytes] = [1, first.bytes];
    for (let last = first; count < Math.min(pending.length, batchMost.events); count++) {
      const next = pending[count] as Pending;
      bytes += next.bytes;
      if (next.after !== last.event.position || bytes > batchMost.bytes) break;
      last = next;
    }
    const taken = pending.slice(0, count);
    const events = taken.map(({ event }) => event);
    for (const one of taken) pendingBytes -= one.bytes;
    const origins = taken.flatMap(({ origin }) => origin ?? []);
    if (origins.length > 0) endTrace = trace?.(origins, count);
    pending = pending.slice(count);
    return { after: first.after, events, end: (events.at(-1) as TopicEvent).position, message: encodeEvents(topic, events) };
  };
  /** One follower. @returns whether there is more to pass on */
  const step = (): boolean => {
    if (batch === undefined) {
      batch = nextBatch();
      to = batch === undefined ? [] : [...followers];
    }
    if (batch !== undefined) to[passed++]?.onBatch(batch);
    if (passed < to.length) return true;
    endTrace?.(to);
    endTrace = undefined;
    [batch, to, passed] = [undefined, [], 0]; // it holds no message, and no follower that has left
    return pending.length > 0;
  };
  const finish = () => {
    while (step());
  };
  return {
    /**
     * Passes it on in the next turn: all that one read of the bus has brought is one message.
     * @param origin the span that has sent it, if that is recorded
     */
    add: (event: TopicEvent, after: TopicPosition, origin?: SpanContext): void => {
      const bytes = event.payload.byteLength;
      pending.push({ event, after, bytes, origin });
      pendingBytes += bytes;
      turns.begin(step);
      if (pending.length >= pendingMost.events || pendingBytes > pendingMost.bytes) finish();
    },
    /** Passes everything on now. */
    finish,
  };
}

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
