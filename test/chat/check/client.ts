// A client of the check: it sends with a queue, comes and goes, and keeps all that it got.
import { AssertionError } from 'node:assert';
import { type ChatClient, type ChatMessage, openChatClient } from '../../support/client/chat-client.ts';
import { transportOf } from '../../support/client/protocols.ts';
import { chatRegistry, textEntry } from '../../support/server/chat-server.ts';
import { type Device, type DeviceParts, openDevice } from './device.ts';

export type CheckClient = Pick<Device, 'events' | 'receipts' | 'skipped'> & {
  readonly name: string;
  readonly user: string;
  /** It never acknowledges an event, so it is not sent everything. */
  readonly deaf: boolean;
  /** What the server said of each id that was sent. */
  readonly acknowledged: ReadonlyMap<string, { readonly conversationId: string; readonly seq: number }>;
  readonly sent: ReadonlyMap<string, { readonly conversationId: string; readonly text: string }>;
  broken(): readonly string[];
  unanswered(): number;
  /** Sends nothing new from now on, and stays. */
  calm(): void;
  /** The database has lost what it acknowledged: it sends again, and what was acknowledged before does not count. */
  afterRestore(how: { readonly onSameStream: boolean }): void;
  /** Leaves, and returns when it has. */
  stop(): Promise<void>;
};

export type CheckClientParts = Pick<CheckClient, 'name' | 'user' | 'deaf'> &
  DeviceParts & {
    readonly headers: Readonly<Record<string, string>>;
    readonly conversations: readonly string[];
    readonly random: () => number;
    readonly url: string;
    readonly ca: string;
  };

const tickMs = 15;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export function startClient(parts: CheckClientParts): CheckClient {
  const { name, user, headers, conversations, random, url, ca, deaf } = parts;
  const device = openDevice(name, parts);
  const acknowledged = new Map<string, { conversationId: string; seq: number }>();
  const sent = new Map<string, { conversationId: string; text: string }>();
  const queue = new Set<string>();
  /** Of the queue: what the database could not take. */
  const again = new Set<string>();
  const broken: string[] = [];
  let calm = false;
  /** On the stream that it has. */
  let stays = false;
  let stopped = false;
  let count = 0;

  const take = (message: ChatMessage) => {
    device.take(message);
    if (message.$case !== 'posted') return;
    const { clientId, conversationId, posted, reason } = message.value;
    if (reason === 'STORAGE_DOWN') return void again.add(clientId);
    queue.delete(clientId);
    if (reason !== '') return;
    const before = acknowledged.get(clientId);
    const seq = Number(posted?.seq);
    if (before !== undefined && before.seq !== seq) broken.push(`${name}: ${clientId} was answered as ${before.seq} and as ${seq}`);
    acknowledged.set(clientId, { conversationId, seq });
  };
  const post = (client: ChatClient, clientId: string) => {
    const { conversationId = '', text = '' } = sent.get(clientId) ?? {};
    client.send({ case: 'post', value: { conversationId, entry: textEntry(text, clientId) } });
  };
  const once = async () => {
    const transport = transportOf('grpc h2', { url, ca });
    const client = openChatClient({ registry: chatRegistry, transport, headers, hello: device.hello(), acknowledges: !deaf });
    for (const clientId of queue) post(client, clientId);
    const endMs = performance.now() + 300 + random() * 2_000;
    let taken = 0;
    const takeAll = () => {
      for (; taken < client.received.length; taken++) take(client.received[taken] as ChatMessage);
    };
    while (client.ended() === undefined && !stopped && (stays || performance.now() < endMs)) {
      await pause(tickMs);
      takeAll();
      if (random() < 0.05) {
        for (const clientId of again) post(client, clientId);
        again.clear();
      }
      const conversationId = conversations[Math.floor(random() * conversations.length)] ?? '';
      if (!calm && queue.size < 20 && random() < 0.1) {
        const clientId = `${name}-${++count}`;
        sent.set(clientId, { conversationId, text: `text of ${clientId}` });
        queue.add(clientId);
        post(client, clientId);
      }
      const place = device.last(conversationId);
      if (place !== undefined && random() < 0.05)
        client.send({
          case: 'received',
          value: { conversationId, deliveredSeq: BigInt(place), readSeq: BigInt(Math.floor(place * random())) },
        });
    }
    takeAll();
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
    ...{ name, user, deaf, acknowledged, sent, events: device.events, receipts: device.receipts, skipped: device.skipped },
    broken: () => [...broken, ...device.broken],
    unanswered: () => queue.size,
    calm: () => {
      calm = true;
      stays = true;
    },
    afterRestore: ({ onSameStream }) => {
      calm = false;
      stays = onSameStream;
      acknowledged.clear();
      device.afterRestore();
    },
    stop: async () => {
      stopped = true;
      await running;
    },
  };
}
