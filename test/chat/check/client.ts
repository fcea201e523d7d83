// A client of the check: it sends with a queue, comes and goes, and keeps all that it got.
import { AssertionError } from 'node:assert';
import { type ChatClient, openChatClient } from '../../support/client/chat-client.ts';
import { transportOf } from '../../support/client/protocols.ts';
import { chatRegistry, textEntry } from '../../support/server/chat-server.ts';

export type Kept = { readonly eventId: string; readonly text: string | undefined; readonly clientId: string };
export type CheckClient = {
  readonly name: string;
  readonly user: string;
  /** By conversation and number. */
  readonly events: ReadonlyMap<string, ReadonlyMap<number, Kept>>;
  /** What the server said of each id that was sent. */
  readonly acknowledged: ReadonlyMap<string, { readonly conversationId: string; readonly seq: number }>;
  readonly sent: ReadonlyMap<string, { readonly conversationId: string; readonly text: string }>;
  readonly receipts: readonly { readonly conversationId: string; readonly userId: string; readonly readSeq: number }[];
  readonly broken: readonly string[];
  unanswered(): number;
  /** Sends nothing new from now on, and stays. */
  calm(): void;
  /** Leaves, and returns when it has. */
  stop(): Promise<void>;
};

export type CheckClientParts = {
  readonly name: string;
  readonly user: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly conversations: readonly string[];
  readonly random: () => number;
  readonly url: () => string;
  readonly ca: string;
  /** It never acknowledges an event. */
  readonly deaf: boolean;
};

const tickMs = 15;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export function startClient({ name, user, headers, conversations, random, url, ca, deaf }: CheckClientParts): CheckClient {
  const events = new Map<string, Map<number, Kept>>();
  const last = new Map<string, { seq: number; eventId: string }>();
  const acknowledged = new Map<string, { conversationId: string; seq: number }>();
  const sent = new Map<string, { conversationId: string; text: string }>();
  const queue = new Map<string, string>();
  /** Of the queue: what the database could not take. */
  const again = new Set<string>();
  const receipts: { conversationId: string; userId: string; readSeq: number }[] = [];
  const broken: string[] = [];
  let calm = false;
  let stopped = false;
  let count = 0;

  const take = (client: ChatClient, from: number) => {
    for (const message of client.received.slice(from)) {
      if (message.$case === 'events') {
        const { conversationId, events: batch } = message.value;
        const kept = events.get(conversationId) ?? new Map<number, Kept>();
        events.set(conversationId, kept);
        for (const { seq, eventId, clientId, what } of batch) {
          const text = what?.$case === 'message' ? what.value.content?.text : undefined;
          const known = kept.get(Number(seq));
          if (known !== undefined && known.eventId !== eventId) broken.push(`${name} got two events as ${seq} of ${conversationId}`);
          kept.set(Number(seq), { eventId, text, clientId });
          last.set(conversationId, { seq: Number(seq), eventId });
        }
      } else if (message.$case === 'posted') {
        const { clientId, conversationId, posted, reason } = message.value;
        if (reason === '') {
          const before = acknowledged.get(clientId);
          const seq = Number(posted?.seq);
          if (before !== undefined && before.seq !== seq) broken.push(`${name}: ${clientId} was answered as ${before.seq} and as ${seq}`);
          acknowledged.set(clientId, { conversationId, seq });
          queue.delete(clientId);
        } else if (reason === 'STORAGE_DOWN') again.add(clientId);
        else queue.delete(clientId);
      } else if (message.$case === 'receipt') {
        const { conversationId, userId, readSeq } = message.value;
        receipts.push({ conversationId, userId, readSeq: Number(readSeq) });
      } else if (message.$case === 'left') last.delete(message.value.conversationId);
      else if (message.$case === 'conversation' && message.value.reset) broken.push(`${name} was reset`);
    }
    return client.received.length;
  };
  const post = (client: ChatClient, clientId: string) => {
    const { conversationId = '', text = '' } = sent.get(clientId) ?? {};
    client.send({ case: 'post', value: { conversationId, entry: textEntry(text, clientId) } });
  };
  const once = async () => {
    const positions = [...last].map(([conversationId, { seq, eventId }]) => ({ conversationId, seq: BigInt(seq), eventId }));
    const transport = transportOf('grpc h2', { url: url(), ca });
    const client = openChatClient({ registry: chatRegistry, transport, headers, hello: { positions, device: name }, acknowledges: !deaf });
    for (const clientId of queue.keys()) post(client, clientId);
    const endMs = performance.now() + 300 + random() * 2_000;
    let taken = 0;
    while (client.ended() === undefined && !stopped && (calm || performance.now() < endMs)) {
      await pause(tickMs);
      taken = take(client, taken);
      if (random() < 0.05) {
        for (const clientId of again) post(client, clientId);
        again.clear();
      }
      const conversationId = conversations[Math.floor(random() * conversations.length)] ?? '';
      if (!calm && queue.size < 20 && random() < 0.3) {
        const clientId = `${name}-${++count}`;
        sent.set(clientId, { conversationId, text: `text of ${clientId}` });
        queue.set(clientId, conversationId);
        post(client, clientId);
      }
      const place = last.get(conversationId);
      if (place !== undefined && random() < 0.05)
        client.send({
          case: 'received',
          value: { conversationId, deliveredSeq: BigInt(place.seq), readSeq: BigInt(Math.floor(place.seq * random())) },
        });
    }
    take(client, taken);
    const error = client.ended()?.error;
    if (error instanceof AssertionError) broken.push(`${name}: ${error.message}`);
    client.cut();
  };
  const run = async () => {
    while (!stopped) {
      await once();
      if (!stopped) await pause(20 + random() * 200);
    }
  };
  const running = run();
  return {
    ...{ name, user, events, acknowledged, sent, receipts, broken },
    unanswered: () => queue.size,
    calm: () => {
      calm = true;
    },
    stop: async () => {
      stopped = true;
      await running;
    },
  };
}
