import type { Clock } from '../../kit/clock.ts';
import type { Bus } from '../../ports/bus.ts';
import { messageBytesMax } from '../../ports/bus-limits.ts';
import type { PageLimits, Published, TopicEvent, TopicLog, TopicPage, TopicPosition } from '../../ports/topic-log.ts';
import { checkLogTopic, checkPublish, checkRead, epochMs, newEpochMs, repeatMs } from '../../ports/topic-log-limits.ts';
import { type Announcement, busTopicOf, encodeAnnouncement, followBy } from '../topics/event-announcement.ts';
import { append, beginLog, bytesOf, empty, eventsAfter, type KeptLog } from './log-of-one-topic.ts';

export type MemoryTopicLogParts = {
  readonly clock: Clock;
  readonly bus: Bus;
  /** A new random text at each call: letters and digits. */
  readonly randomId: () => string;
  /** Of all events. Over it the events of the topics without a publish for the longest time are forgotten. */
  readonly bytesMax?: number;
  /** Topics and request ids that are known at once: the longest untouched are forgotten over it. */
  readonly topicsMax?: number;
  readonly requestIdsMax?: number;
};

/** What can happen to a shared store, for tests. */
export type TopicFaults = {
  /** The events of a topic are evicted, its epoch is not. */
  evictEvents(topic: string): void;
  /** Its epoch is evicted. */
  evictEpoch(topic: string): void;
  /** @returns puts the topic back as it is now: a fail-over to a replica that lacks what came after */
  save(topic: string): () => void;
};

export type MemoryTopicLog = TopicLog & {
  /** All that are kept. */
  events(topic: string): readonly TopicEvent[];
  /** Ends the log: the next one has another epoch. */
  forget(topic: string): void;
};

/** The topic log of a single replica: lost with the process. */
export function memoryTopicLog(parts: MemoryTopicLogParts): MemoryTopicLog & { readonly faults: TopicFaults } {
  const { clock, bus, randomId, bytesMax = 67_108_864, topicsMax = 200_000, requestIdsMax = 100_000 } = parts;
  /** The longest untouched first. */
  const topics = new Map<string, { readonly log: KeptLog; readonly touchedAtMs: number }>();
  /** Those with events, the longest without a publish first. */
  const filled = new Map<string, KeptLog>();
  const requests = new Map<string, { readonly position: TopicPosition; readonly untilMs: number }>();
  let bytes = 0;

  const forget = (topic: string, log: KeptLog) => {
    bytes -= empty(log);
    filled.delete(topic);
  };
  const end = (topic: string) => {
    const log = topics.get(topic)?.log;
    if (log !== undefined) forget(topic, log);
    topics.delete(topic);
  };
  const livesUntilMs = ({ log, touchedAtMs }: { readonly log: KeptLog; readonly touchedAtMs: number }) =>
    touchedAtMs + (log.top.offset === 0 ? newEpochMs : epochMs);
  const touch = (topic: string): KeptLog => {
    const nowMs = clock.nowMs();
    const known = topics.get(topic);
    topics.delete(topic);
    if (known !== undefined && livesUntilMs(known) <= nowMs) forget(topic, known.log);
    const log = known !== undefined && nowMs < livesUntilMs(known) ? known.log : beginLog(randomId());
    topics.set(topic, { log, touchedAtMs: nowMs });
    for (const [other, { log: old, touchedAtMs }] of topics) {
      if (topics.size <= topicsMax && nowMs < touchedAtMs + epochMs) break;
      forget(other, old);
      topics.delete(other);
    }
    return log;
  };
  const keepRequest = (name: string, position: TopicPosition) => {
    const nowMs = clock.nowMs();
    requests.set(name, { position, untilMs: nowMs + repeatMs });
    for (const [other, { untilMs }] of requests) {
      if (requests.size <= requestIdsMax && nowMs < untilMs) break;
      requests.delete(other);
    }
  };

  return {
    publish: async (topic, events, limits, origin) => {
      checkPublish(topic, events, limits);
      const log = touch(topic);
      const nowMs = clock.nowMs();
      const announced: Announcement[] = [];
      const published = events.map((event): Published => {
        const name = requestName(topic, event.requestId);
        const before = event.requestId === undefined ? undefined : requests.get(name);
        if (before !== undefined && nowMs < before.untilMs) return { position: before.position, repeated: true };
        const previousId = log.top.id;
        const appended = append(log, event, { id: randomId(), nowMs, limits });
        bytes += appended.grown;
        announced.push({ event: appended.event, previousId, origin });
        requests.delete(name);
        if (event.requestId !== undefined) keepRequest(name, appended.event.position);
        return { position: appended.event.position, repeated: false };
      });
      filled.delete(topic);
      if (log.events.size > 0) filled.set(topic, log);
      for (const [other, old] of filled) {
        if (bytes <= bytesMax) break;
        forget(other, old);
      }
      for (const one of announced) void bus.publish(busTopicOf(topic), encodeAnnouncement(one, messageBytesMax));
      return published;
    },
    read: async (topic, after, page) => {
      checkRead(topic, after, page);
      const log = touch(topic);
      const events = eventsAfter(log, after, clock.nowMs());
      return typeof events === 'string' ? { recovered: false, why: events, top: log.top } : pageOf(events, page, log.top, after);
    },
    top: async (topic) => {
      checkLogTopic(topic);
      return touch(topic).top;
    },
    follow: followBy(bus),
    events: (topic) => [...(topics.get(topic)?.log.events.values() ?? [])],
    forget: end,
    faults: {
      evictEvents: (topic) => {
        const log = topics.get(topic)?.log;
        if (log !== undefined) forget(topic, log);
      },
      evictEpoch: end,
      save: (topic) => {
        const saved = structuredClone(topics.get(topic));
        return () => {
          forget(topic, touch(topic));
          topics.delete(topic);
          const log = saved && structuredClone(saved.log);
          if (saved !== undefined && log !== undefined) topics.set(topic, { ...saved, log });
          if (log !== undefined && log.events.size > 0) filled.set(topic, log);
          for (const event of log?.events.values() ?? []) bytes += bytesOf(event);
          const ofTopic = requestName(topic, '');
          for (const [name, { position }] of requests)
            if (name.startsWith(ofTopic) && position.offset > (log?.top.offset ?? 0)) requests.delete(name);
        };
      },
    },
  };
}

const requestName = (topic: string, requestId = '') => `${topic.length} ${topic} ${requestId}`;

function pageOf(events: readonly TopicEvent[], { eventsMax, bytesMax }: PageLimits, top: TopicPosition, after: TopicPosition): TopicPage {
  let left = bytesMax;
  const most = events.slice(0, eventsMax);
  const over = most.findIndex(({ key, payload }) => {
    left -= Buffer.byteLength(key) + payload.length;
    return left < 0;
  });
  const page = over === -1 ? most : most.slice(0, Math.max(1, over));
  return { recovered: true, events: page, end: page.at(-1)?.position ?? after, top };
}
