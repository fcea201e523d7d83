import type { Clock } from '../../kit/clock.ts';
import { ended } from '../../kit/ending.ts';
import { pause } from '../../kit/until-called.ts';
import type { Subscription as BusSubscription } from '../../ports/bus.ts';
import type { Log } from '../../ports/log.ts';
import type { ShortSpans, SpanContext } from '../../ports/short-spans.ts';
import { standingOf, type TopicEvent, type TopicLog, type TopicPosition } from '../../ports/topic-log.ts';
import type { Turns } from '../../streams/event-loop-turns.ts';
import { type Follower, passBatches, traceDelivery } from './deliver-events.ts';

/** The events of one topic for all its clients at this replica. Its states: opening; live; repairing; closed. */
export type Feed = {
  /** Resolved when it is live for the first time. */
  readonly opened: Promise<void>;
  /** Behind the last event that it has, which its followers may be about to receive. */
  position(): TopicPosition;
  /** Reads what the log has after the position, when a follower knows that there may be more. */
  repair(): Promise<void>;
  follow(follower: Follower): () => void;
};

/**
 * The log is read again this long after the last read, because no later event may reveal that the end of a burst was
 * lost. Milliseconds.
 */
const lookMs = 40_000;
const againMs = 1_000;
const page = { eventsMax: 500, bytesMax: 262_144 } as const;

export type FeedParts = { readonly log: TopicLog; readonly turns: Turns; readonly spans: ShortSpans; readonly clock: Clock; readonly report: Log };

/** The feeds of this replica: one for each topic that anyone listens to. */
export function openFeeds(parts: FeedParts): { of(topic: string): Feed; count(): number } {
  const feeds = new Map<string, Feed>();
  return {
    of: (topic) => {
      const known = feeds.get(topic);
      if (known !== undefined) return known;
      const feed = openFeed(topic, parts, () => feeds.delete(topic));
      feeds.set(topic, feed);
      return feed;
    },
    count: () => feeds.size,
  };
}

/** @param onClosed called when its last follower has left */
function openFeed(topic: string, { log, turns, spans, clock, report }: FeedParts, onClosed: () => void): Feed {
  const followers = new Set<Follower>();
  const leaving = new AbortController();
  const { signal } = leaving;
  let subscription: BusSubscription | undefined;
  let position: TopicPosition = { epoch: '', offset: 0, id: '' };
  let state: 'opening' | 'live' | 'repairing' = 'opening';
  /** Events came, or may have come, while it was not live. */
  let more = false;
  const passing = passBatches(topic, followers, turns, traceDelivery(topic, spans, clock));
  let cancelLook = () => {};
  let repaired: Promise<void> = Promise.resolve();

  const take = (event: TopicEvent, origin?: SpanContext) => {
    passing.add(event, position, origin);
    position = event.position;
  };
  const look = () => {
    cancelLook();
    if (!signal.aborted) cancelLook = clock.after(lookMs, () => void repair());
  };
  const readOn = async () => {
    for (;;) {
      more = false;
      const read = await log.read(topic, position, page);
      if (signal.aborted) return;
      if (read.recovered) {
        for (const event of read.events) take(event);
        position = read.end;
        if (!more && read.end.offset >= read.top.offset) return;
      } else {
        passing.finish();
        position = read.top;
        report.warn('A topic has lost events; its clients load anew.', { topic, why: read.why });
        for (const follower of [...followers]) follower.onLost(position);
        if (!more) return;
      }
    }
  };
  const repair = (): Promise<void> => {
    if (state === 'live') {
      state = 'repairing';
      repaired = untilDone(readOn).then(() => {
        state = 'live';
        look();
      });
    } else more = true;
    return repaired;
  };
  /** Tries again until it is done or the feed is closed: the store may be unavailable. */
  const untilDone = async (work: () => Promise<void>): Promise<void> => {
    while (!signal.aborted) {
      try {
        return await work();
      } catch (error) {
        report.debug('A topic could not be read.', { topic, error });
        await pause(clock, againMs, signal);
      }
    }
  };
  const open = async () => {
    subscription ??= await log.follow(
      topic,
      {
        onEvent: (event, previousId, origin) => {
          if (state !== 'live') {
            more = true;
            return;
          }
          const standing = standingOf(position, event.position, previousId);
          if (standing === 'next') take(event, origin);
          else if (standing === 'read') void repair();
        },
        onGap: () => void repair(),
      },
      signal,
    );
    if (signal.aborted) return subscription.close();
    position = await log.top(topic);
    state = 'live';
    if (more) void repair();
    else look();
  };
  const opened = untilDone(open);
  return {
    opened,
    position: () => position,
    repair,
    follow: (follower) => {
      followers.add(follower);
      return () => {
        if (!followers.delete(follower) || followers.size > 0 || signal.aborted) return;
        leaving.abort(ended);
        cancelLook();
        subscription?.close();
        onClosed();
      };
    },
  };
}
