// A client of ChatService's stream by Connect's library: it sends what a test says, and keeps what comes. It holds every
// batch of events against the promise: dense, or a gap that is named.
import assert from 'node:assert/strict';
import { type ChatEvent, ChatResponse } from '../../../src/gen/portico/v1/chat.ts';
import { until } from '../time/until.ts';
import { type Answered, type StreamOptions, streamCalls, type Wish } from './stream-calls.ts';

export type ChatMessage = NonNullable<ChatResponse['message']>;
type Kind = ChatMessage['$case'];
type ValueOf<K extends Kind> = Extract<ChatMessage, { $case: K }>['value'];

export type ChatClient = {
  readonly received: readonly ChatMessage[];
  all<K extends Kind>(kind: K): readonly ValueOf<K>[];
  /** Waits until there are so many of a kind. @returns the last of them */
  wait<K extends Kind>(kind: K, count?: number): Promise<ValueOf<K>>;
  send(wish: Wish): void;
  /** Events of a conversation, in order. */
  events(conversationId: string): readonly ChatEvent[];
  texts(conversationId: string): readonly (string | undefined)[];
  /** Waits until the client has this event. */
  upTo(conversationId: string, seq: number | bigint): Promise<void>;
  /** What hello says on the next stream: what this client has. */
  positions(): readonly { readonly conversationId: string; readonly seq: bigint; readonly eventId: string }[];
  ownSeq(): bigint;
  acknowledge(): void;
  ended(): { readonly error: unknown } | undefined;
  cut(): void;
};

export type ChatClientOptions = StreamOptions & {
  /** Whether events are acknowledged as they come. */
  readonly acknowledges?: boolean;
};

const service = 'portico.v1.ChatService';

/** Opens Connect, and sends hello. */
export function openChatClient({ acknowledges = true, ...options }: ChatClientOptions): ChatClient {
  return keep({ ...streamCalls(options, service).connect(), acknowledges });
}

/** Opens the server stream, and sends by unary calls, in order. */
export function openChatByOpen(options: ChatClientOptions): ChatClient {
  const calls = streamCalls(options, service);
  let n = 0n;
  let last: Promise<unknown> = Promise.resolve();
  const send = (wish: Wish) => {
    const mine = ++n;
    last = last.then(async () => calls.send((await kept.wait('welcome')).streamId, mine, wish));
    last.catch(() => {}); // a stream that has ended takes nothing: the test sees its end
  };
  const kept = keep({ ...calls.open(), send, acknowledges: true });
  return kept;
}

/** Keeps the answers of Connect or Open. */
function keep({ bytes, send, cut, acknowledges }: Answered & Pick<ChatClient, 'send'> & { readonly acknowledges: boolean }): ChatClient {
  const received: ChatMessage[] = [];
  const lasts = new Map<string, ChatEvent>();
  let ended: { readonly error: unknown } | undefined;
  let handled = 0;
  let own = 0n;
  let waiting = false;
  const acknowledge = () => send({ case: 'acknowledge', value: { count: BigInt(handled) } });
  /** One for all that came within some milliseconds: a stream bounds the messages of its client. */
  const acknowledgeSoon = () => {
    if (!acknowledges || waiting) return;
    waiting = true;
    setTimeout(() => {
      waiting = false;
      if (ended === undefined) acknowledge();
    }, 50);
  };
  const take = (message: ChatMessage) => {
    received.push(message);
    if (message.$case === 'conversation' && (message.value.conversation?.own?.ownSeq ?? 0n) > own)
      own = message.value.conversation?.own?.ownSeq ?? 0n;
    if (message.$case === 'conversation' && message.value.reset) lasts.delete(message.value.conversation?.id ?? '');
    if (message.$case === 'left') lasts.delete(message.value.conversationId);
    if (message.$case !== 'events') return;
    const { conversationId, afterSeq, events } = message.value;
    assert.deepEqual(
      events.map(({ seq }) => seq),
      events.map((_, i) => afterSeq + BigInt(i) + 1n),
      'events of one message are dense',
    );
    const last = lasts.get(conversationId);
    assert.ok(last === undefined || afterSeq >= last.seq, 'nothing comes twice on one stream');
    lasts.set(conversationId, events.at(-1) as ChatEvent);
    handled += events.length;
    acknowledgeSoon();
  };
  const read = async () => {
    for await (const each of bytes) {
      const { message } = ChatResponse.decode(each);
      if (message !== undefined) take(message);
    }
  };
  read().then(
    () => {
      ended = { error: undefined };
    },
    (error: unknown) => {
      ended = { error };
    },
  );
  const all = <K extends Kind>(kind: K) => received.filter(({ $case }) => $case === kind).map(({ value }) => value as ValueOf<K>);
  const state = () => `received ${received.map(({ $case }) => $case).join()} ${String(ended?.error ?? '')}`;
  const events = (conversationId: string) => all('events').flatMap((batch) => (batch.conversationId === conversationId ? batch.events : []));
  return {
    received,
    all,
    wait: async (kind, count = 1) => {
      await until(`${count} × ${kind}, ${state()}`, () => all(kind).length >= count);
      return all(kind)[count - 1] as never;
    },
    send,
    cut,
    events,
    texts: (conversationId) =>
      events(conversationId).flatMap(({ what }) => (what?.$case === 'message' || what?.$case === 'edited' ? [what.value.content?.text] : [])),
    upTo: (conversationId, seq) => until(`event ${seq}, ${state()}`, () => (lasts.get(conversationId)?.seq ?? 0n) >= BigInt(seq)),
    positions: () => [...lasts].map(([conversationId, { seq, eventId }]) => ({ conversationId, seq, eventId })),
    ownSeq: () => own,
    acknowledge,
    ended: () => ended,
  };
}
