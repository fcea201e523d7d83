// A client of ChatService's stream by Connect's library: it sends what a test says, and keeps what comes. It holds every
// batch of events against the promise: dense, or a gap that is named.
import assert from 'node:assert/strict';
import { type DescService, type FileRegistry, toBinary } from '@bufbuild/protobuf';
import { createClient, type Transport } from '@connectrpc/connect';
import { type ChatEvent, ChatResponse } from '../../../src/gen/portico/v1/chat.ts';
import { until } from '../time/until.ts';
import { queue, type Wish } from './live-client.ts';

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

export type ChatClientOptions = {
  readonly registry: FileRegistry;
  readonly transport: Transport;
  readonly headers: Readonly<Record<string, string>>;
  readonly hello?: Record<string, unknown>;
  /** Whether events are acknowledged as they come. */
  readonly acknowledges?: boolean;
};

/** Opens Connect, and sends hello. */
export function openChatClient({ registry, transport, headers, hello = {}, acknowledges = true }: ChatClientOptions): ChatClient {
  const service = registry.getService('portico.v1.ChatService') as DescService;
  const schema = service.methods.find(({ name }) => name === 'Connect')?.output;
  assert.ok(schema);
  const requests = queue<{ message: Wish }>();
  const cancel = new AbortController();
  const client = createClient(service, transport) as unknown as Record<
    string,
    (requests: AsyncIterable<unknown>, options: object) => AsyncIterable<never>
  >;
  const answered = client.connect?.(requests.all(), { headers, signal: cancel.signal }) as AsyncIterable<never>;
  const send = (wish: Wish) => requests.put({ message: wish });
  send({ case: 'hello', value: hello });
  return keep(answered, (message) => toBinary(schema, message), { send, cut: () => cancel.abort(), acknowledges });
}

/** Opens the server stream, and sends by unary calls, in order. */
export function openChatByOpen({ registry, transport, headers, hello = {} }: ChatClientOptions): ChatClient {
  const service = registry.getService('portico.v1.ChatService') as DescService;
  const schema = service.methods.find(({ name }) => name === 'Open')?.output;
  assert.ok(schema);
  const cancel = new AbortController();
  const client = createClient(service, transport) as unknown as Record<string, (request: unknown, options: object) => never>;
  const answered = client.open?.({ hello }, { headers, signal: cancel.signal }) as unknown as AsyncIterable<never>;
  let n = 0n;
  let last: Promise<unknown> = Promise.resolve();
  const send = (wish: Wish) => {
    const request = { n: ++n, message: { message: wish } };
    last = last.then(async () => client.send?.({ streamId: (await kept.wait('welcome')).streamId, ...request }, { headers }));
    last.catch(() => {}); // a stream that has ended takes nothing: the test sees its end
  };
  const kept = keep(answered, (message) => toBinary(schema, message), { send, cut: () => cancel.abort(), acknowledges: true });
  return kept;
}

/** Keeps the answers of Connect or Open. */
function keep(
  answered: AsyncIterable<never>,
  bytesOf: (message: never) => Uint8Array,
  { send, cut, acknowledges }: Pick<ChatClient, 'send' | 'cut'> & { readonly acknowledges: boolean },
): ChatClient {
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
    for await (const each of answered) {
      const { message } = ChatResponse.decode(bytesOf(each));
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
