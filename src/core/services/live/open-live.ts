import type { Meter } from '@opentelemetry/api';
import { type LiveHello, LiveServiceDefinition } from '../../../gen/portico/v1/live.ts';
import { openLimiter } from '../../kit/concurrency-limiter.ts';
import type { MethodPlan } from '../../kit/method-plan.ts';
import { type Line, yieldingLimiter } from '../../kit/yield-to-calls.ts';
import type { Bus } from '../../ports/bus.ts';
import type { Handler } from '../../ports/call.ts';
import type { Log } from '../../ports/log.ts';
import type { Presence } from '../../ports/presence.ts';
import type { ShortSpans } from '../../ports/short-spans.ts';
import type { Publish, TopicLog, TopicPage, TopicPosition } from '../../ports/topic-log.ts';
import { openTurns } from '../../streams/event-loop-turns.ts';
import type { WaitingBytes } from '../../streams/send-memory-limit.ts';
import { type StreamSettings, streamLimits } from '../../streams/stream-limits.ts';
import { openRegistry, type Registry } from '../../streams/stream-registry.ts';
import { streamHandlers } from '../../streams/stream-service.ts';
import { openWatches, type WatchesParts } from './group-watches-by-answer.ts';
import { liveCounts } from './live-metrics.ts';
import type { LiveParts } from './live-parts.ts';
import { liveStream } from './live-stream.ts';
import { publishBy } from './publish-event.ts';
import type { ReadPage } from './resume-and-conflate.ts';
import { openFeeds } from './topic-feed.ts';
import { compileNamespaces, type NamespaceSettings, topicsOf } from './topic-namespaces.ts';
import { openPresences } from './topic-presence.ts';

/** The service of live updates. */
export type Live = Pick<Registry, 'disconnect' | 'drain' | 'closeAll'> & {
  readonly handlers: Readonly<Record<string, Handler>>;
  readonly publish: Publish;
  close(): Promise<void>;
};

/** The settings `live`. Times in milliseconds. */
export type LiveSettings = LiveParts['limits'] &
  StreamSettings & {
    readonly namespaces: Readonly<Record<string, NamespaceSettings>>;
    readonly computationsMax: number;
    readonly recoveriesMax: number;
    /** How often versions of watched answers are compared. */
    readonly recheck: number;
  };

export type LiveOptions = Pick<WatchesParts, 'answerWatched' | 'onInvalidated' | 'clock' | 'random'> & {
  readonly settings: LiveSettings;
  readonly plans: ReadonlyMap<string, MethodPlan>;
  readonly bus: Bus;
  readonly topics: TopicLog;
  readonly readPage: (topic: string, after: TopicPosition) => Promise<TopicPage>;
  readonly presence: Presence;
  readonly spans: ShortSpans;
  readonly waiting: WaitingBytes;
  readonly randomHex: (digits: number) => string;
  readonly openLine: () => Line;
  readonly log: Log;
  readonly meter: Meter;
};

/** Live updates: streams, topics and watches. @throws Error for a namespace whose rule cannot be run */
export function openLive(parts: LiveOptions): Live {
  const { settings: live, plans, bus, topics, spans, randomHex, random, clock, log } = parts;
  const limits = streamLimits(live);
  const turns = openTurns(clock.monotonicMs);
  const registry = openRegistry({ bus, limits, clock, random, log, turns, topic: 'live' });
  const topicOf = topicsOf(compileNamespaces(live.namespaces, plans));
  const feeds = openFeeds({ log: topics, turns, spans, clock, report: log });
  const presences = openPresences({ presence: parts.presence, feeds, turns, clock, log });
  const counts = liveCounts(parts.meter, { streams: registry.count, topics: feeds.count, watched: () => watches.count() });
  const computations = yieldingLimiter(openLimiter(live.computationsMax), parts.openLine());
  const arrivals = openLimiter(live.computationsMax);
  const recoveries = openLimiter(live.recoveriesMax);
  const readPage: ReadPage = (topic, after, signal) => recoveries(() => parts.readPage(topic, after), signal);
  const watches = openWatches({ ...parts, recheckMs: live.recheck, turns, computations, arrivals, counts });
  const publish = publishBy(topics, topicOf);
  const common = { limits: live, plans, topicOf, feeds, readPage, presences, watches, publish, spans, clock, counts, log };
  const closed = (reason: string) => counts.closed('stream', reason);
  const streams = { limits, waiting: parts.waiting, registry, bus, presence: parts.presence, clock, log, replica: randomHex(12), randomHex, closed };
  const { handlers, close } = streamHandlers(
    { name: 'live', definition: LiveServiceDefinition, begin: (stream, call, hello: LiveHello) => liveStream(stream, call, common, hello) },
    streams,
  );
  return {
    handlers,
    publish,
    disconnect: registry.disconnect,
    drain: registry.drain,
    closeAll: registry.closeAll,
    close: async () => {
      registry.close();
      watches.close();
      await close();
    },
  };
}
