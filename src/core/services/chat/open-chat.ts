import type { Meter } from '@opentelemetry/api';
import { type ChatHello, ChatServiceDefinition } from '../../../gen/portico/v1/chat.ts';
import { openLimiter } from '../../kit/concurrency-limiter.ts';
import { observeGauge } from '../../kit/observe-metric.ts';
import type { Bus } from '../../ports/bus.ts';
import type { Handler } from '../../ports/call.ts';
import type { ChatWrites } from '../../ports/chat-writes.ts';
import type { Presence } from '../../ports/presence.ts';
import type { ShortSpans } from '../../ports/short-spans.ts';
import type { TopicLog } from '../../ports/topic-log.ts';
import { openTurns } from '../../streams/event-loop-turns.ts';
import type { WaitingBytes } from '../../streams/send-memory-limit.ts';
import { type StreamSettings, streamLimits } from '../../streams/stream-limits.ts';
import { openRegistry, type Registry, type RegistryParts } from '../../streams/stream-registry.ts';
import { streamHandlers } from '../../streams/stream-service.ts';
import type { AskableUpstreams } from '../../upstreams/upstreams.ts';
import { chatHandlers } from './chat-handlers.ts';
import { type ChatParts, chatStream } from './chat-stream.ts';
import { openConversationPresences } from './conversation-presence.ts';
import { chatWrites, conversationHandlers } from './internal-conversation-handlers.ts';
import { limitUsers, searchRules, type UserLimits } from './rate-limits-of-users.ts';
import { type HookSettings, openHook, postReviewed } from './review-by-hook.ts';
import { chatActions } from './store-then-announce.ts';
import { type SubjectParts, subjectRules } from './who-may-open.ts';

/** The service of conversations. */
export type Chat = Pick<Registry, 'disconnect' | 'drain' | 'closeAll'> & {
  readonly handlers: Readonly<Record<string, Handler>>;
  /** What a company's own code does in conversations, under a name. */
  readonly writesAs: (name: string) => ChatWrites;
  close(): Promise<void>;
};

export type ChatOptions = Pick<ChatParts, 'chat' | 'announcements'> &
  Pick<SubjectParts, 'plans' | 'answerWatched'> &
  Pick<RegistryParts, 'clock' | 'random' | 'log'> & {
    /** Streams of conversations have the bounds of live streams. */
    readonly settings: StreamSettings & { readonly recoveriesMax: number };
    readonly presence: Presence;
    readonly topics: TopicLog;
    readonly spans: ShortSpans;
    /** Who may open conversations about what, who decides about messages, and how much a user may do. */
    readonly rules: UserLimits &
      Pick<SubjectParts, 'subjects' | 'withoutSubject'> & {
        readonly hook?: HookSettings | undefined;
        readonly search: { readonly language: string; readonly perMinute: number };
        readonly presence: { readonly listMax: number; readonly leaveAfter: number };
      };
    readonly upstreams: AskableUpstreams;
    readonly bus: Bus;
    readonly waiting: WaitingBytes;
    /** Of conversations: ordered by time. */
    readonly newId: () => string;
    /** Of events: random. */
    readonly randomId: () => string;
    readonly randomHex: (digits: number) => string;
    readonly meter: Meter;
  };

export function openChat({ settings, rules, upstreams, plans, answerWatched, ...options }: ChatOptions): Chat {
  const { chat, announcements, presence, topics, newId, randomId, randomHex, meter, ...parts } = options;
  const limits = streamLimits(settings);
  const registry = openRegistry({ ...parts, limits, turns: openTurns(parts.clock.monotonicMs), topic: 'chat' });
  const { count } = registry;
  const actions = chatActions(chat, announcements, randomId);
  const ask = rules.hook && openHook(rules.hook, { upstreams, clock: parts.clock, meter });
  const { actionsOfUser, postOfUser } = limitUsers(actions, postReviewed(actions, chat, ask), rules, parts.clock.monotonicMs);
  const search = searchRules(rules.search, parts.clock.monotonicMs);
  const checkSubject = subjectRules({ ...rules, plans, answerWatched });
  const closings = meter.createCounter('portico.chat.closed', { description: 'Chat streams that the server closed, by reason.' });
  observeGauge(meter, 'portico.chat.streams', 'Open chat streams.', count);
  const closed = (reason: string) => closings.add(1, { reason });
  const { listMax, leaveAfter: leaveAfterMs } = rules.presence;
  const presences = openConversationPresences({ ...parts, presence, topics, chat, limits: { listMax, leaveAfterMs } });
  const common = { ...parts, chat, actions, postOfUser, announcements, presences, recoveries: openLimiter(settings.recoveriesMax) };
  const { handlers, close } = streamHandlers(
    { name: 'chat', definition: ChatServiceDefinition, begin: (stream, call, hello: ChatHello) => chatStream(stream, call, common, hello) },
    { ...parts, presence, limits, registry, replica: randomHex(12), randomHex, closed },
  );
  const writesAs = (name: string) => chatWrites(actions, newId, name);
  return {
    writesAs,
    handlers: {
      ...handlers,
      ...chatHandlers({ chat, actions: actionsOfUser, postOfUser, checkSubject, newId, search }),
      ...conversationHandlers(writesAs),
    },
    disconnect: registry.disconnect,
    drain: registry.drain,
    closeAll: registry.closeAll,
    close: async () => {
      registry.close();
      announcements.close();
      await close();
    },
  };
}
