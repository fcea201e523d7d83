import type { Subscription } from './bus.ts';
import type { SpanContext } from './short-spans.ts';

/**
 * A place in the log of a topic: behind the event with this offset. All three parts count: another epoch is another
 * log, and another id at the same offset is a log that has lost its end and was continued.
 */
export type TopicPosition = {
  /** Of the log: a random text, which changes when the log is lost as a whole. */
  readonly epoch: string;
  /** Of the last event before this place: 1, 2, 3, …; 0 before the first one. */
  readonly offset: number;
  /** The random id of that event; empty at offset 0. */
  readonly id: string;
};

export type TopicEvent = {
  /** Behind this event. */
  readonly position: TopicPosition;
  /** What it says is outdated by the next event of this key. Empty: it belongs to no key. */
  readonly key: string;
  /** Immutable. */
  readonly payload: Uint8Array;
  /** Milliseconds since 1970, by the clock of the log. */
  readonly publishedAtMs: number;
};

export type NewEvent = {
  readonly payload: Uint8Array;
  /** Of this topic: the log keeps only the newest event of a key. */
  readonly key?: string | undefined;
  /** A repeat of this id in this topic within `repeatMs` appends nothing, whatever else it says. */
  readonly requestId?: string | undefined;
};

export type Published = {
  /** Of the event; of the first one, when this is a repeat. */
  readonly position: TopicPosition;
  readonly repeated: boolean;
};

/** How much of a topic is kept for those who return. */
export type TopicLimits = {
  /** Events, from 0 (none is kept) to `sizeMax`. */
  readonly size: number;
  /** Whole milliseconds, from 1 to `ageMsMax`. */
  readonly ageMs: number;
};

export type PageLimits = {
  /** From 1 to `pageEventsMax`. */
  readonly eventsMax: number;
  /** Of payloads and keys. The first event is in the page whatever its size. */
  readonly bytesMax: number;
};

/**
 * Why a position is not of this log: another epoch; behind the end; before what is kept; another event at this offset.
 */
export type LostWhy = 'epoch' | 'ahead' | 'trimmed' | 'other-event';

export type TopicPage =
  | {
      readonly recovered: true;
      /** The next ones after the position, in order, without a hole; where keys are used, the newest of each key. */
      readonly events: readonly TopicEvent[];
      /** Behind the last of them: as good a position as any. */
      readonly end: TopicPosition;
      /** The end of the log. There are more pages while `end` is not at its offset. */
      readonly top: TopicPosition;
    }
  | {
      /** Events are missing, or may be. None is given. */
      readonly recovered: false;
      readonly why: LostWhy;
      readonly top: TopicPosition;
    };

/** Both functions are called synchronously and must return fast. Errors that they throw are logged. */
export type TopicListener = {
  /**
   * @param previousId of the event before it in the log, "" before the first; undefined: it is not known
   * @param origin the span that has published it, if that is recorded
   */
  onEvent(event: TopicEvent, previousId: string | undefined, origin: SpanContext | undefined): void;
  /** The log may have events that are not delivered: read it. It is called when reading works again. */
  onGap(): void;
};

/**
 * An append-only log for each topic, bounded by count and age: it bridges the absence of a client. The data itself is
 * kept elsewhere.
 *
 * Promises, in every adapter:
 * - Events of a topic have one order, that of their offsets, without a hole. All readers and listeners see this order.
 * Nothing is promised for the order of two publishes that overlap, or of two topics.
 * - Events of one publish follow each other directly. Either all are appended or none.
 * - An event that `publish` has returned is given by `read` until `size` newer ones or `ageMs` have passed, or a newer
 * one of its key was published; or else `read` reports that events were lost.
 * - `read` is honest: "recovered" means that each event between the position and the end of the page is in the page,
 * or was replaced by a newer one of its key that is kept. This holds after the loss of the whole log, of its last
 * events (also when others have taken their offsets), of its events or of its epoch.
 * - An event that is published after `follow` has resolved is delivered to the listener, or `onGap` is called, within
 * seconds. One exception: an announcement that is lost without trace and is the last one. Whoever follows compares
 * `top` with the last event at an interval.
 * - Following first and reading afterwards leaves no gap. An event may be delivered by both: its position is the same.
 * - A position whose event was replaced by a newer one of its key is recognised while fewer than `replacedMax` events
 * came after it. Then it is "trimmed".
 * - An epoch lives for `epochMs` after the last publish, read or `top`; for `newEpochMs` if nothing was ever published.
 * - A shared store throws StoreDown; whether a publish was done is then not known, and repeating it with the same
 * `requestId` does no harm. A store that is full refuses to publish, and to begin epochs; reading works.
 */
export type TopicLog = {
  /**
   * Appends and announces, in one step.
   * @param origin the span that publishes, for listeners; undefined: it is not recorded
   * @returns one for each event, in their order
   * @throws RangeError beyond a bound, StoreDown
   */
  publish(topic: string, events: readonly NewEvent[], limits: TopicLimits, origin?: SpanContext): Promise<readonly Published[]>;
  /**
   * The page of events after a position.
   * @throws RangeError beyond a bound, StoreDown
   */
  read(topic: string, after: TopicPosition, page: PageLimits): Promise<TopicPage>;
  /** The end of the log. Begins an epoch where there is none. @throws RangeError, StoreDown */
  top(topic: string): Promise<TopicPosition>;
  /**
   * Resolved when confirmed; it waits while the store is unavailable. Many listeners of a topic in a replica cost one
   * subscription.
   * @param signal ends the wait: the promise is rejected with its reason
   * @throws RangeError beyond a bound
   */
  follow(topic: string, listener: TopicListener, signal?: AbortSignal): Promise<Subscription>;
};

/**
 * How an event that was delivered stands to the last one: it follows directly; it is the same one; or only the log
 * knows: there is a gap, or it is an older one delivered late, or the log has lost its end.
 * @param previousId of the event before it: a log that lost its end may have given its offsets to others unnoticed
 */
export function standingOf(last: TopicPosition, event: TopicPosition, previousId?: string): 'next' | 'same' | 'read' {
  if (event.epoch !== last.epoch) return 'read';
  if (event.offset === last.offset + 1) return previousId === undefined || previousId === last.id ? 'next' : 'read';
  return event.offset === last.offset && event.id === last.id ? 'same' : 'read';
}

/**
 * Appends events to topics, those of one topic in their order. Resolved when they are in the log; a repeat with the
 * same request ids publishes nothing twice.
 * @param origin the span that publishes; undefined: it is not recorded
 * @returns the position of each event
 * @throws Fault TOPIC_UNKNOWN, REQUEST_INVALID, or STORE_DOWN when the shared store did not confirm it
 */
export type Publish = (events: readonly (NewEvent & { readonly topic: string })[], origin?: SpanContext) => Promise<readonly TopicPosition[]>;
