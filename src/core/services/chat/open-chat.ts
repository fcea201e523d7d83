import type { Meter } from '@opentelemetry/api';
import { type ChatHello, ChatOpenRequest, ChatRequest, ChatSendRequest, ChatServiceDefinition } from '../../../gen/portico/v1/chat.ts';
import { openLimiter } from '../../kit/limiter.ts';
import type { Bus } from '../../ports/bus.ts';
import type { Handler } from '../../ports/call.ts';
import { openRegistry, type Registry, type RegistryParts } from '../../streams/registry.ts';
import { streamLimits, type StreamSettings } from '../../streams/stream-limits.ts';
import { type StreamService, streamHandlers } from '../../streams/stream-service.ts';
import { chatActions } from './actions.ts';
import { chatHandlers } from './chat-handlers.ts';
import type { ChatParts } from './chat-parts.ts';
import { chatStream } from './chat-stream.ts';

/** The service of conversations. */
export type Chat = Pick<Registry, 'disconnect' | 'drain'> & {
  readonly handlers: Readonly<Record<string, Handler>>;
  close(): void;
};

export type ChatOptions = Pick<ChatParts, 'chat' | 'announcements'> &
  Pick<RegistryParts, 'clock' | 'random' | 'log'> & {
    /** Streams of conversations have the bounds of live streams. */
    readonly settings: StreamSettings & { readonly recoveriesMax: number };
    readonly bus: Bus;
    /** Of conversations: ordered by time. */
    readonly newId: () => string;
    /** Of events: random. */
    readonly randomId: () => string;
    readonly randomHex: (digits: number) => string;
    readonly meter: Meter;
  };

const { fullName, methods } = ChatServiceDefinition;
const nameOf = ({ name }: { readonly name: string }) => `${fullName}/${name}`;

export function openChat({ settings, chat, announcements, newId, randomId, randomHex, meter, ...parts }: ChatOptions): Chat {
  const limits = streamLimits(settings);
  const registry = openRegistry({ ...parts, limits, topic: 'chat' });
  const actions = chatActions(chat, announcements, randomId);
  const closings = meter.createCounter('portico.chat.closed', { description: 'Chat streams that the server closed, by reason.' });
  meter
    .createObservableGauge('portico.chat.streams', { description: 'Open chat streams.' })
    .addCallback((observed) => observed.observe(registry.count()));
  const closed = (reason: string) => closings.add(1, { reason });
  const service = chatService({ ...parts, chat, actions, announcements, recoveries: openLimiter(settings.recoveriesMax) });
  const { handlers, close } = streamHandlers(service, { ...parts, limits, registry, replica: randomHex(12), randomHex, closed });
  return {
    handlers: { ...handlers, ...chatHandlers({ chat, actions, newId }) },
    disconnect: registry.disconnect,
    drain: registry.drain,
    close: () => {
      close();
      registry.close();
      announcements.close();
    },
  };
}

function chatService(parts: ChatParts): StreamService<ChatRequest, ChatHello> {
  return {
    name: 'chat',
    methods: { connect: nameOf(methods.connect), open: nameOf(methods.open), send: nameOf(methods.send) },
    decode: (message) => ChatRequest.decode(message),
    helloOf: ({ message }) => (message?.$case === 'hello' ? message.value : undefined),
    decodeOpen: (request) => ChatOpenRequest.decode(request).hello as ChatHello,
    decodeSend: (request) => {
      const { streamId, n, message } = ChatSendRequest.decode(request);
      return { streamId, n, message: ChatRequest.encode(message as ChatRequest).finish() };
    },
    begin: (stream, call, hello) => chatStream(stream, call, parts, hello),
  };
}
