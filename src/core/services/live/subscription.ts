import { backoffMs } from '../../kit/backoff.ts';
import type { Clock } from '../../kit/clock.ts';
import { pause, untilCalled } from '../../kit/until-called.ts';
import { StoreDown } from '../../kit/store-down.ts';
import type { TopicLog, TopicPosition } from '../../ports/topic-log.ts';
import type { Stream } from '../../streams/stream.ts';
import { encode, encodeEvents, positionOut } from './encode.ts';
import type { Batch, Feed } from './feed.ts';
import type { Limiter } from '../../kit/limiter.ts';

export type SubscriptionParts = {
  readonly topic: string;
  readonly generation: number;
  /** Of the client. Undefined: it wants new events only. */
  readonly position: TopicPosition | undefined;
  readonly conflate: boolean;
  readonly stream: Pick<Stream, 'out'>;
  readonly feed: Feed;
  readonly log: TopicLog;
  /** Bounds the recoveries of all clients of this replica that read at the same time. */
  readonly recoveries: Limiter;
  readonly clock: Clock;
  readonly counts: { events: number };
  /** Called once, when the client was sent `subscribed`. */
  readonly onBegun: () => void;
  /** The log failed in a way that trying again does not help. */
  readonly onFailed: (error: unknown) => void;
};

const page = { eventsMax: 100, bytesMax: 65_536 } as const;
const againMs = 1_000;
const fruitlessReads = { firstMs: 1_000, factor: 2, mostMs: 30_000, least: 1, spread: 0 } as const;

/**
 * One client's subscription of one topic. Its states: reading what it missed from the log, page by page; live, when it
 * gets what the feed gets; closed. It becomes live in the moment in which it has all that the feed has; what the feed
 * then delivers once more is dropped by its offset, if its ids show that it is the same.
 * @returns closes it
 */
export function subscribe(parts: SubscriptionParts): () => void {
  const { topic, generation, conflate, stream, feed, log, recoveries, clock, counts } = parts;
  const { out } = stream;
  const leaving = new AbortController();
  const { signal } = leaving;
  let state: 'reading' | 'live' = 'reading';
  let position = parts.position;
  let begun = false;

  const begin = (recovered: boolean, at: TopicPosition) => {
    position = at;
    out.send(encode({ $case: 'subscribed', value: { topic, generation, recovered, position: positionOut(at) } }), 0);
    if (!begun) parts.onBegun();
    begun = true;
  };
  const send = (message: Uint8Array, count: number, end: TopicPosition) => {
    position = end;
    counts.events += count;
    out.send(message, count);
  };
  /** Reads until it has all that the feed has. @param confirm whether the client waits for `subscribed` */
  const read = async (confirm: boolean): Promise<void> => {
    state = 'reading';
    let unconfirmed = confirm;
    let fruitless = 0;
    await feed.opened;
    while (!signal.aborted) {
      if (position === undefined) {
        begin(false, feed.position());
        unconfirmed = false;
      }
      const from = position as TopicPosition;
      if (unconfirmed && isSame(from, feed.position())) {
        begin(true, from);
        unconfirmed = false;
      }
      if (!unconfirmed && hasAllOf(from, feed.position())) {
        state = 'live';
        return;
      }
      const found = await recoveries(() => log.read(topic, from, page), signal);
      if (signal.aborted) return;
      if (found.recovered) {
        if (unconfirmed) begin(true, from);
        if (found.events.length > 0) send(encodeEvents(topic, found.events), found.events.length, found.end);
        position = found.end;
      } else begin(false, found.top);
      unconfirmed = false;
      if (found.recovered && found.events.length > 0) fruitless = 0;
      else if (position !== undefined && !hasAllOf(position, feed.position())) {
        // the log has lost what the feed has, which the feed is to find out
        await Promise.race([feed.repair(), pause(clock, againMs, signal)]);
        if (fruitless++ > 0)
          await pause(
            clock,
            backoffMs(fruitlessReads, fruitless, () => 0),
            signal,
          );
      }
      if (!out.hasRoom()) await untilCalled(signal, (callback) => out.onRoom(callback));
    }
  };
  const follow = async (confirm: boolean) => {
    while (!signal.aborted) {
      try {
        return await read(confirm);
      } catch (error) {
        if (!(error instanceof StoreDown) || signal.aborted) throw error;
        await pause(clock, againMs, signal);
      }
    }
  };
  const start = (confirm: boolean) => {
    follow(confirm).catch((error: unknown) => {
      if (!signal.aborted) parts.onFailed(error);
    });
  };

  const onBatch = (batch: Batch) => {
    if (state !== 'live' || signal.aborted || position === undefined) return;
    const { after, events, end, message } = batch;
    const from = position.offset;
    const isNext = isSame(after, position);
    // read ahead of the feed: what the feed brings later shows by its ids whether the log has lost that
    if (!isNext && end.epoch === position.epoch && end.offset < from) return;
    const own = events.find((event) => event.position.offset === from);
    const isOverlap = own !== undefined && isSame(own.position, position);
    if (!isNext && !isOverlap) return start(false);
    if (isOverlap && end.offset === from) return;
    if (conflate && !out.hasRoom()) {
      state = 'reading'; // the log will have only the newest event of each key
      return void untilCalled(signal, out.onRoom).then(() => start(false));
    }
    if (isNext) return send(message, events.length, end);
    const rest = events.filter((event) => event.position.offset > from);
    send(encodeEvents(topic, rest), rest.length, end);
  };
  const unfollow = feed.follow({
    onBatch,
    onLost: (top) => {
      if (state === 'live' && !signal.aborted) begin(false, top);
    },
  });
  start(true);
  return () => {
    leaving.abort();
    unfollow();
  };
}

function isSame(own: TopicPosition, feed: TopicPosition): boolean {
  return own.epoch === feed.epoch && own.offset === feed.offset && own.id === feed.id;
}

function hasAllOf(own: TopicPosition, feed: TopicPosition): boolean {
  return isSame(own, feed) || (own.epoch === feed.epoch && own.offset > feed.offset);
}
