// One client of the load: src/client with live updates, a conversation and unary calls, and a record of what it saw.
import { randomUUID } from 'node:crypto';
import { asCallError } from '../../src/client/call-error.ts';
import { textContent } from '../../src/client/chat/text-content.ts';
import { type Client, openClient } from '../../src/client/client.ts';
import { nodeTransport } from '../../src/client/node-transport.ts';
import { memoryTokenStore } from '../../src/client/session.ts';
import { SignInRequest } from '../../src/gen/portico/v1/session.ts';
import { systemClock } from '../../src/wire/system-clock.ts';

/** A unary call that failed. Times are of `performance.now()`. */
export type FailedCall = { readonly beganMs: number; readonly endedMs: number; readonly why: string };

export type LoadClient = {
  readonly client: Client;
  readonly userId: string;
  /** Payloads of the events, in the order in which they came. */
  readonly events: readonly string[];
  /** Subscriptions that could not be continued where they had been. */
  readonly lost: readonly string[];
  /** The events that a text came as: more than one is a text that was stored twice. */
  readonly texts: ReadonlyMap<string, ReadonlySet<bigint>>;
  /** Texts that came once more without a reset. */
  readonly again: readonly string[];
  /** Its own texts that are not stored yet, and those that were given up with their reason. */
  readonly unstored: ReadonlySet<string>;
  readonly refused: readonly string[];
  readonly failed: readonly FailedCall[];
  /** Calls that ran out of time, which a machine that is busy with other work does, too. */
  readonly late: readonly FailedCall[];
  /** Streams that it opened. */
  streams(): number;
  /** Times that the chat was sent from the start. */
  resyncs(): number;
  calls(): number;
  /** Reads its orders, once: what fails is not tried again. */
  read(): Promise<void>;
  post(conversationId: string, text: string): void;
};

/** STORE_DOWN is none of them: Redis is untouched, and a replica that does not get its answer has failed the call. */
const lateCodes = new Set(['DEADLINE_EXCEEDED', 'UPSTREAM_TIMEOUT']);

/** Whether a call ran out of time. */
export function isLate(error: unknown): boolean {
  const { code, reason } = asCallError(error);
  return lateCodes.has(code) || lateCodes.has(reason);
}

export function failedCall(beganMs: number, error: unknown): FailedCall {
  const { code, reason, message } = asCallError(error);
  return { beganMs, endedMs: performance.now(), why: `${code} ${reason} ${message}` };
}

/** Signs in by an ID token of the provider, subscribes, and opens both streams. */
export async function openLoadClient(at: { readonly address: string; readonly ca: string }, idToken: string, topic: string): Promise<LoadClient> {
  const events: string[] = [];
  const lost: string[] = [];
  const texts = new Map<string, Set<bigint>>();
  const again: string[] = [];
  const seen = new Map<string, Set<bigint>>();
  const textOf = new Map<string, string>();
  const unstored = new Set<string>();
  const refused: string[] = [];
  const failed: FailedCall[] = [];
  const late: FailedCall[] = [];
  let streams = 0;
  let resyncs = 0;
  let calls = 0;
  let subscribed = 0;
  const transport = nodeTransport({ address: at.address, ca: Buffer.from(at.ca) });
  const client = openClient({
    transport: {
      ...transport,
      live: (...args) => {
        streams++;
        return transport.live(...args);
      },
      chat: (...args) => {
        streams++;
        return transport.chat(...args);
      },
    },
    tokens: memoryTokenStore(),
    clock: systemClock,
    random: Math.random,
    onNotice: (notice) => {
      if (notice.kind === 'event') events.push(Buffer.from(notice.event.payload).toString());
      if (notice.kind === 'subscribed' && subscribed++ > 0 && !notice.recovered) lost.push(notice.topic);
      if (notice.kind === 'startOver' || notice.kind === 'refused') lost.push(notice.kind);
    },
    onChatNotice: (notice) => {
      if (notice.kind === 'posted') {
        const text = textOf.get(notice.clientId) ?? '';
        unstored.delete(text);
        if (notice.reason !== '') refused.push(`${text}: ${notice.reason}`);
      }
      if (notice.kind === 'startOver') {
        seen.clear(); // the sync token of one release may be none of the other, which sends all anew
        resyncs++;
      }
      if (notice.kind === 'conversation' && notice.reset) seen.delete(notice.conversationId);
      if (notice.kind !== 'events') return;
      const seqs = seen.get(notice.conversationId) ?? new Set();
      seen.set(notice.conversationId, seqs);
      for (const { seq, what } of notice.events) {
        if (what?.$case !== 'message') continue;
        const text = what.value.content?.text ?? '';
        texts.set(text, (texts.get(text) ?? new Set()).add(seq));
        if (seqs.has(seq)) again.push(text);
        seqs.add(seq);
      }
    },
  });
  const device = { platform: 'ios', name: 'load' };
  await client.session.signIn(SignInRequest.fromPartial({ identity: { $case: 'idToken', value: { token: idToken } }, device }));
  client.live.dispatch({ type: 'subscribe', topic });
  client.live.dispatch({ type: 'start' });
  client.chat.dispatch({ type: 'start' });
  return {
    client,
    userId: await client.session.userId(),
    events,
    lost,
    texts,
    again,
    unstored,
    refused,
    failed,
    late,
    streams: () => streams,
    resyncs: () => resyncs,
    calls: () => calls,
    read: async () => {
      const beganMs = performance.now();
      calls++;
      try {
        await client.calls.once('app.v1.OrderService/ListOrders', new Uint8Array(), {});
      } catch (error) {
        (isLate(error) ? late : failed).push(failedCall(beganMs, error));
      }
    },
    post: (conversationId, text) => {
      const clientId = randomUUID();
      textOf.set(clientId, text);
      unstored.add(text);
      const what = { $case: 'message', value: { content: textContent(text), replyToSeq: 0n } } as const;
      client.chat.dispatch({ type: 'post', request: { conversationId, entry: { clientId, what } } });
    },
  };
}
