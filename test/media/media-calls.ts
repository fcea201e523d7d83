// What tests of attachments do to a server: uploads, downloads and messages, by any protocol.
import { createHash, randomUUID } from 'node:crypto';
import { callOf, keptTransports, type ProtocolName } from '../support/client/protocols.ts';
import { type Came, type ChatServer, chatRegistry, openChatServer } from '../support/server/chat-server.ts';
import type { TestServerOptions } from '../support/server/test-server.ts';

/** A JPEG by its first bytes, as all of its kind begin. */
export function jpeg(bytes: number, fill = 7): Buffer {
  const content = Buffer.alloc(bytes, fill);
  Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 16, 0x4a, 0x46, 0x49, 0x46, 0]).copy(content);
  return content;
}

export const sha256 = (content: Uint8Array): Buffer => createHash('sha256').update(content).digest();

export type UploadWish = {
  readonly conversationId: string;
  readonly content: Buffer;
  readonly attachmentId?: string;
  readonly offset?: number;
  /** Where it stops without a word. */
  readonly stopAt?: number;
  readonly chunkBytes?: number;
  /** What is announced. */
  readonly size?: number;
  readonly hash?: Buffer;
  readonly name?: string;
};

/** What came of a call. */
export type MediaResult = { readonly reason?: string; readonly metadata?: Came; readonly came: readonly Came[] };

export type MediaCalls = {
  try(
    user: string,
    method: string,
    requests: readonly Record<string, unknown>[] | Record<string, unknown>,
    protocol?: ProtocolName,
  ): Promise<MediaResult>;
  upload(user: string, wish: UploadWish, protocol?: ProtocolName): Promise<MediaResult & { readonly id: string }>;
  /** Uploads what is complete then. @returns the id */
  attach(user: string, conversationId: string, content?: Buffer, name?: string): Promise<string>;
  /** Sends a message with attachments. */
  send(user: string, conversationId: string, ids: readonly string[], clientId?: string): Promise<{ readonly reason?: string; readonly came: Came }>;
  download(
    user: string,
    attachmentId: string,
    range?: Came,
    protocol?: ProtocolName,
  ): Promise<{ readonly reason?: string; readonly start: Came; readonly bytes: Buffer }>;
};
export type MediaServer = ChatServer & { readonly media: MediaCalls };

const transports = keptTransports();

export async function openMediaServer(options: Omit<TestServerOptions, 'app'> = {}): Promise<MediaServer> {
  const server = await openChatServer(options);
  return { ...server, media: mediaCalls(server) };
}

export function mediaCalls(server: ChatServer): MediaCalls {
  const attempt: MediaCalls['try'] = async (user, method, requests, protocol = 'grpc h2') => {
    const headers = user === '' ? {} : await server.headersOf(user);
    const { messages, reason, decoded } = await callOf(chatRegistry, transports(protocol, server), `portico.v1.MediaService/${method}`, requests, {
      headers,
    });
    return { ...(reason !== undefined && { reason }), metadata: Object.fromEntries(decoded?.info?.metadata ?? []), came: messages };
  };
  const upload: MediaCalls['upload'] = async (user, wish, protocol) => {
    const { conversationId, content, attachmentId = randomUUID(), offset = 0, stopAt = content.length, chunkBytes = 65_536 } = wish;
    const { size = content.length, hash = sha256(content), name = '' } = wish;
    const start = { attachmentId, conversationId, sizeBytes: BigInt(size), sha256: hash, offset: BigInt(offset), name };
    const messages: Record<string, unknown>[] = [{ message: { case: 'start', value: start } }];
    for (let at = offset; at < stopAt; at += chunkBytes)
      messages.push({ message: { case: 'chunk', value: content.subarray(at, Math.min(stopAt, at + chunkBytes)) } });
    return { id: attachmentId, ...(await attempt(user, 'Upload', messages, protocol)) };
  };
  return {
    try: attempt,
    upload,
    attach: async (user, conversationId, content = jpeg(1_000), name = '') => {
      const { id, reason } = await upload(user, { conversationId, content, name });
      if (reason !== undefined) throw new Error(`Upload as ${user}: ${reason}`);
      return id;
    },
    send: async (user, conversationId, ids, clientId = randomUUID()) => {
      const content = { text: 'see', attachments: ids.map((id) => ({ id })) };
      return server.try(user, 'Post', { conversationId, entry: { clientId, what: { case: 'message', value: { content } } } });
    },
    download: async (user, attachmentId, range, protocol) => {
      const { reason, came } = await attempt(user, 'Download', { attachmentId, ...(range && { range }) }, protocol);
      const [first, ...rest] = came;
      return { ...(reason !== undefined && { reason }), start: first?.message.value, bytes: Buffer.concat(rest.map((one) => one.message.value)) };
    },
  };
}
