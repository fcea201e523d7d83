// Clients who send: each on a TLS connection of its own, with one message under way at a time.
import { randomUUID } from 'node:crypto';
import { connect } from 'node:http2';
import { type ChatEvents, ChatHello, ChatRequest, ChatResponse, PostRequest, PostResponse } from '../../../src/gen/portico/v1/chat.ts';
import { openH2Client } from '../../support/client/h2-client.ts';
import { clientHeaders } from '../client.ts';
import { frameOf } from '../load.ts';

export type Sender = {
  /** Resolved when the message is stored. @throws Error when it was refused, or the connection was cut */
  send(conversationId: string): Promise<void>;
  close(): void;
};
export type SenderParts = { readonly port: number; readonly ca: Buffer; readonly token: string };
export type StreamClientParts = SenderParts & {
  /** What it has. */
  readonly positions?: readonly { readonly conversationId: string; readonly seq: bigint; readonly eventId: string }[];
  readonly onEvents?: (events: ChatEvents) => void;
  /** One of several of a session. */
  readonly device?: string;
};

const text = 'A message of the length that most have: on my way, see you in ten minutes.';
const acknowledgeEvery = 100;

const postOf = (conversationId: string, clientId: string): PostRequest => ({
  conversationId,
  entry: { clientId, what: { $case: 'message', value: { content: { text, data: Buffer.alloc(0), attachments: [] }, replyToSeq: 0n } } },
});

/** Sends by a stream, on which it also gets all events of its conversations. Resolved when it is caught up. */
export async function openStreamClient({ port, ca, token, positions = [], onEvents, device = '' }: StreamClientParts): Promise<Sender> {
  const waiting = new Map<string, { resolve(): void; reject(error: Error): void }>();
  const encode = (message: ChatRequest['message']) => ChatRequest.encode({ message }).finish();
  let events = 0;
  let acknowledged = 0;
  let begun = false;
  const caughtUp = Promise.withResolvers<void>();
  const client = openH2Client({
    ...{ port, ca, token, path: '/portico.v1.ChatService/Connect' },
    first: encode({ $case: 'hello', value: ChatHello.fromPartial({ positions: [...positions], heartbeatMs: 600_000, device }) }),
    onEnd: (why) => {
      const error = new Error(`A sender was cut off: ${why}`);
      caughtUp.reject(error);
      for (const { reject } of waiting.values()) reject(error);
    },
    onMessage: (bytes) => {
      const { message } = ChatResponse.decode(bytes);
      if (message?.$case === 'events') {
        events += message.value.events.length;
        onEvents?.(message.value);
      }
      if (message?.$case === 'caughtUp') caughtUp.resolve();
      if (message?.$case === 'closed') caughtUp.reject(new Error(`A stream was closed: ${JSON.stringify(message.value)}`));
      if (message?.$case === 'posted') {
        const { clientId, reason } = message.value;
        const waiter = waiting.get(clientId);
        waiting.delete(clientId);
        if (reason === '') waiter?.resolve();
        else waiter?.reject(new Error(`A message was refused: ${reason}`));
      }
      if (events - acknowledged < acknowledgeEvery && !(message?.$case === 'events' && !begun)) return;
      acknowledged = events;
      client.send(encode({ $case: 'acknowledge', value: { count: BigInt(events) } }));
    },
  });
  await caughtUp.promise;
  begun = true;
  return {
    send: (conversationId) =>
      new Promise((resolve, reject) => {
        const clientId = randomUUID();
        waiting.set(clientId, { resolve, reject });
        client.send(encode({ $case: 'post', value: postOf(conversationId, clientId) }));
      }),
    close: client.close,
  };
}

/** Sends by a unary call for each message. */
export async function openUnarySender({ port, ca, token }: SenderParts): Promise<Sender> {
  const session = connect(`https://localhost:${port}`, { ca });
  session.on('error', () => {}); // its streams tell
  return {
    send: (conversationId) =>
      new Promise((resolve, reject) => {
        const stream = session.request({
          ...{ ':method': 'POST', ':path': '/portico.v1.ChatService/Post', ...clientHeaders, authorization: `Bearer ${token}` },
        });
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('error', reject);
        stream.on('close', () => {
          const body = Buffer.concat(chunks);
          if (body.length > 5 && PostResponse.decode(body.subarray(5)).posted !== undefined) resolve();
          else reject(new Error('A message was refused.'));
        });
        stream.end(frameOf(PostRequest.encode(postOf(conversationId, randomUUID())).finish()));
      }),
    close: () => session.close(),
  };
}
