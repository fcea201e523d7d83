// A client of LiveService by Connect's library: it sends what a test says, and keeps what comes.
import { createClient, type Transport } from '@connectrpc/connect';
import { LiveResponse } from '../../../src/gen/portico/v1/live.ts';
import { type DescService, type FileRegistry, toBinary } from '@bufbuild/protobuf';
import { until } from '../time/until.ts';

export type Message = NonNullable<LiveResponse['message']>;
export type Kind = Message['$case'];
export type ValueOf<K extends Kind> = Extract<Message, { $case: K }>['value'];
/** A message of the client as protobuf-es takes it: `{case: 'subscribe', value: {…}}`. */
export type Wish = { readonly case: string; readonly value: Record<string, unknown> };

export type LiveClient = {
  /** All that came, in order. */
  readonly received: readonly Message[];
  all<K extends Kind>(kind: K): readonly ValueOf<K>[];
  /** Waits until there are so many of a kind. @returns the last of them */
  wait<K extends Kind>(kind: K, count?: number): Promise<ValueOf<K>>;
  send(wish: Wish): void;
  /** Payloads of all events, in order. */
  events(): readonly string[];
  /** How the stream ended; undefined: it is open. */
  ended(): { readonly error: unknown } | undefined;
  /** Ends the requests, without goodbye. */
  halfClose(): void;
  /** Cancels the call. */
  cut(): void;
};

export type LiveOptions = {
  readonly registry: FileRegistry;
  readonly transport: Transport;
  readonly headers: Readonly<Record<string, string>>;
  readonly hello?: Record<string, unknown>;
  /** Whether events and snapshots are acknowledged as they come. */
  readonly acknowledges?: boolean;
};

/** Opens Connect, and sends hello. */
export function openLiveClient({ registry, transport, headers, hello = {}, acknowledges = true }: LiveOptions): LiveClient {
  const service = registry.getService('portico.v1.LiveService') as DescService;
  const requests = queue<{ message: Wish }>();
  const cancel = new AbortController();
  const client = createClient(service, transport) as unknown as Record<
    string,
    (requests: AsyncIterable<unknown>, options: object) => AsyncIterable<never>
  >;
  const answered = client.connect?.(requests.all(), { headers, signal: cancel.signal }) as AsyncIterable<never>;
  requests.put({ message: { case: 'hello', value: hello } });
  const schema = service.methods.find(({ name }) => name === 'Connect')?.output;
  if (schema === undefined) throw new Error('LiveService has no Connect.');
  return keep(answered, (message) => toBinary(schema, message), {
    send: (wish) => requests.put({ message: wish }),
    halfClose: requests.end,
    cut: () => cancel.abort(),
    acknowledges,
  });
}

/** Opens the server stream, and sends by unary calls, one after the other. */
export function openByOpen({ registry, transport, headers, hello = {} }: LiveOptions & { readonly sendTransport?: Transport }): LiveClient & {
  /** Sends one message with its number. */
  sendN(n: number, wish: Wish, by?: Transport): Promise<void>;
} {
  const service = registry.getService('portico.v1.LiveService') as DescService;
  const cancel = new AbortController();
  const clientOf = (by: Transport) => createClient(service, by) as unknown as Record<string, (request: unknown, options: object) => never>;
  const answered = clientOf(transport).open?.({ hello }, { headers, signal: cancel.signal }) as unknown as AsyncIterable<never>;
  const schema = service.methods.find(({ name }) => name === 'Open')?.output;
  if (schema === undefined) throw new Error('LiveService has no Open.');
  const kept = keep(answered, (message) => toBinary(schema, message), {
    send: () => {
      throw new Error('Use sendN.');
    },
    halfClose: () => {},
    cut: () => cancel.abort(),
    acknowledges: false,
  });
  return {
    ...kept,
    sendN: async (n, wish, by = transport) => {
      const { streamId } = await kept.wait('welcome');
      await clientOf(by).send?.({ streamId, n: BigInt(n), message: { message: wish } }, { headers });
    },
  };
}

function keep(
  answered: AsyncIterable<never>,
  bytesOf: (message: never) => Uint8Array,
  { send, halfClose, cut, acknowledges }: Pick<LiveClient, 'send' | 'halfClose' | 'cut'> & { readonly acknowledges: boolean },
): LiveClient {
  const received: Message[] = [];
  let ended: { readonly error: unknown } | undefined;
  let handled = 0;
  const acknowledge = (count: number) => {
    handled += count;
    if (acknowledges) send({ case: 'acknowledge', value: { count: BigInt(handled) } });
  };
  const read = async () => {
    for await (const each of answered) {
      const { message } = LiveResponse.decode(bytesOf(each));
      if (message === undefined) continue;
      received.push(message);
      if (message.$case === 'events') acknowledge(message.value.events.length);
      if (message.$case === 'snapshot') acknowledge(1);
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
  return {
    received,
    all,
    wait: async (kind, count = 1) => {
      await until(
        `${count} × ${kind}, received ${received.map(({ $case }) => $case).join()} ${String(ended?.error ?? '')}`,
        () => all(kind).length >= count,
      );
      return all(kind)[count - 1] as never;
    },
    events: () => all('events').flatMap(({ events }) => events.map(({ payload }) => Buffer.from(payload).toString())),
    send,
    halfClose,
    cut,
    ended: () => ended,
  };
}

/** Items that are read as they come. */
export function queue<T>() {
  const waiting: T[] = [];
  let wake = () => {};
  let over = false;
  return {
    put: (item: T) => {
      waiting.push(item);
      wake();
    },
    end: () => {
      over = true;
      wake();
    },
    async *all(): AsyncGenerator<T> {
      for (;;) {
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) yield next;
        if (over) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}
