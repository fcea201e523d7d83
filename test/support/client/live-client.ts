// A client of LiveService by Connect's library: it sends what a test says, and keeps what comes.
import type { Transport } from '@connectrpc/connect';
import { LiveResponse } from '../../../src/gen/portico/v1/live.ts';
import { until } from '../time/until.ts';
import { type Answered, type StreamOptions, streamCalls, type Wish } from './stream-calls.ts';

export type Message = NonNullable<LiveResponse['message']>;
export type Kind = Message['$case'];
export type ValueOf<K extends Kind> = Extract<Message, { $case: K }>['value'];

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

export type LiveOptions = StreamOptions & {
  /** Whether events and snapshots are acknowledged as they come. */
  readonly acknowledges?: boolean;
};

const service = 'portico.v1.LiveService';

/** Opens Connect, and sends hello. */
export function openLiveClient({ acknowledges = true, ...options }: LiveOptions): LiveClient {
  return keep({ ...streamCalls(options, service).connect(), acknowledges });
}

/** Opens the server stream, and sends by unary calls, one after the other. */
export function openByOpen(options: LiveOptions): LiveClient & {
  /** Sends one message with its number. */
  sendN(n: number, wish: Wish, by?: Transport): Promise<void>;
} {
  const calls = streamCalls(options, service);
  const send = () => {
    throw new Error('Use sendN.');
  };
  const kept = keep({ ...calls.open(), send, halfClose: () => {}, acknowledges: false });
  return { ...kept, sendN: async (n, wish, by) => calls.send((await kept.wait('welcome')).streamId, BigInt(n), wish, by) };
}

type Kept = Answered & Pick<LiveClient, 'send' | 'halfClose'> & { readonly acknowledges: boolean };

function keep({ bytes, send, halfClose, cut, acknowledges }: Kept): LiveClient {
  const received: Message[] = [];
  let ended: { readonly error: unknown } | undefined;
  let handled = 0;
  const acknowledge = (count: number) => {
    handled += count;
    if (acknowledges) send({ case: 'acknowledge', value: { count: BigInt(handled) } });
  };
  const read = async () => {
    for await (const each of bytes) {
      const { message } = LiveResponse.decode(each);
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
