import { backoffMs } from '../../kit/backoff.ts';
import type { Clock } from '../../kit/clock.ts';
import { ended } from '../../kit/ending.ts';
import { StoreDown } from '../../kit/store-down.ts';
import { pause, untilCalled } from '../../kit/until-called.ts';
import type { SpanContext } from '../../ports/short-spans.ts';
import type { TopicPage, TopicPosition } from '../../ports/topic-log.ts';
import type { Stream } from '../../streams/stream.ts';
import type { Batch, Follower } from './deliver-events.ts';
import { encode, encodeEvents, encodePage, positionOut } from './encode-live.ts';
import type { Feed } from './topic-feed.ts';

/** A page of the log, for whoever reads on from its end. How many read at the same time is bounded. */
export type ReadPage = (topic: string, after: TopicPosition, signal: AbortSignal) => Promise<TopicPage>;

export type SubscriptionParts = {
  readonly topic: string;
  readonly generation: number;
  /** Of the client. Undefined: it wants new events only. */
  readonly position: TopicPosition | undefined;
  readonly conflate: boolean;
  readonly stream: Pick<Stream, 'out'>;
  /** Of the stream's call. */
  readonly span?: SpanContext;
  readonly feed: Feed;
  readonly readPage: ReadPage;
  readonly clock: Clock;
  readonly counts: { events: number };
  /** Called once, when the client was sent `subscribed`. */
  readonly onBegun: () => void;
  /** The log failed in a way that trying again does not help. */
  readonly onFailed: (error: unknown) => void;
};

const againMs = 1_000;
const fruitlessReads = { firstMs: 1_000, factor: 2, mostMs: 30_000, least: 1, spread: 0 } as const;
const noSpread = () => 0;

/**
 * One client's subscription of one topic. Its states: reading what it missed from the log, page by page; live, when it
 * gets what the feed gets; closed. It becomes live in the moment in which it has all that the feed has; what the feed
 * then delivers once more is dropped by its offset, if its ids show that it is the same. A class, because a thousand
 * clients of a topic have one each, and an event passes all of them.
 */
export class Subscription implements Follower {
  readonly #parts: SubscriptionParts;
  readonly #out: SubscriptionParts['stream']['out'];
  readonly #unfollow: () => void;
  #position: TopicPosition | undefined;
  /** Aborted when it is closed. Undefined while it is live. */
  #reading: AbortController | undefined;
  #closed = false;
  #begun = false;

  constructor(parts: SubscriptionParts) {
    this.#parts = parts;
    this.#out = parts.stream.out;
    this.#position = parts.position;
    this.#unfollow = parts.feed.follow(this);
    void this.#start(true);
  }

  get span(): SpanContext | undefined {
    return this.#parts.span;
  }

  close(): void {
    this.#closed = true;
    this.#reading?.abort(ended);
    this.#unfollow();
  }

  onBatch(batch: Batch): void {
    const position = this.#position;
    if (this.#reading !== undefined || this.#closed || position === undefined) return;
    const { after, events, end, message } = batch;
    const from = position.offset;
    const isNext = isSame(after, position);
    if (!isNext) {
      // read ahead of the feed: what the feed brings later shows by its ids whether the log has lost that
      if (end.epoch === position.epoch && end.offset < from) return;
      const own = events.find((event) => event.position.offset === from);
      const isOverlap = own !== undefined && isSame(own.position, position);
      if (!isOverlap) void this.#start(false);
      if (!isOverlap || end.offset === from) return;
    }
    if (this.#parts.conflate && !this.#out.hasRoom()) {
      const { signal } = this.#begin(); // the log will have only the newest event of each key
      void untilCalled(signal, (callback) => this.#out.onRoom(callback)).then(() => this.#start(false, signal));
      return;
    }
    const rest = isNext ? events : events.filter((event) => event.position.offset > from);
    this.#send(isNext ? message : encodeEvents(this.#parts.topic, rest), rest.length, end);
  }

  onLost(top: TopicPosition): void {
    if (this.#reading === undefined && !this.#closed) this.#confirm(false, top);
  }

  /** Sends `subscribed`. */
  #confirm(recovered: boolean, at: TopicPosition): void {
    const { topic, generation, onBegun } = this.#parts;
    this.#position = at;
    this.#out.send(encode({ $case: 'subscribed', value: { topic, generation, recovered, position: positionOut(at) } }), 0);
    if (!this.#begun) onBegun();
    this.#begun = true;
  }

  #send(message: Uint8Array, count: number, end: TopicPosition): void {
    this.#position = end;
    this.#parts.counts.events += count;
    this.#out.send(message, count);
  }

  #begin(): AbortController {
    this.#reading = new AbortController();
    return this.#reading;
  }

  async #start(confirm: boolean, signal = this.#begin().signal): Promise<void> {
    while (!signal.aborted) {
      try {
        return await this.#read(confirm, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof StoreDown)) return this.#parts.onFailed(error);
        await pause(this.#parts.clock, againMs, signal);
      }
    }
  }

  /** Reads until it has all that the feed has. @param confirm whether the client waits for `subscribed` */
  async #read(confirm: boolean, signal: AbortSignal): Promise<void> {
    const { topic, feed, readPage, clock } = this.#parts;
    let unconfirmed = confirm;
    let fruitless = 0;
    await feed.opened;
    while (!signal.aborted) {
      if (this.#position === undefined) {
        this.#confirm(false, feed.position());
        unconfirmed = false;
      }
      const from = this.#position as TopicPosition;
      if (unconfirmed && isSame(from, feed.position())) {
        this.#confirm(true, from);
        unconfirmed = false;
      }
      if (!unconfirmed && hasAllOf(from, feed.position())) {
        this.#reading = undefined;
        return;
      }
      const found = await readPage(topic, from, signal);
      if (signal.aborted) return;
      if (found.recovered) {
        if (unconfirmed) this.#confirm(true, from);
        if (found.events.length > 0) this.#send(encodePage(topic, found.events), found.events.length, found.end);
        this.#position = found.end;
      } else this.#confirm(false, found.top);
      unconfirmed = false;
      if (found.recovered && found.events.length > 0) fruitless = 0;
      else if (!hasAllOf(this.#position as TopicPosition, feed.position())) {
        // the log has lost what the feed has, which the feed is to find out
        await Promise.race([feed.repair(), pause(clock, againMs, signal)]);
        if (fruitless++ > 0) await pause(clock, backoffMs(fruitlessReads, fruitless, noSpread), signal);
      }
      if (!this.#out.hasRoom()) await untilCalled(signal, (callback) => this.#out.onRoom(callback));
    }
  }
}

function isSame(own: TopicPosition, feed: TopicPosition): boolean {
  return own.epoch === feed.epoch && own.offset === feed.offset && own.id === feed.id;
}

function hasAllOf(own: TopicPosition, feed: TopicPosition): boolean {
  return isSame(own, feed) || (own.epoch === feed.epoch && own.offset > feed.offset);
}
