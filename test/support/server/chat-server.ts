// A server with what tests of chat do to it: calls as a user, by any protocol.
import { randomUUID } from 'node:crypto';
import { type ChatClient, type ChatClientOptions, openChatByOpen, openChatClient } from '../client/chat-client.ts';
import { callOf, keptTransports, type ProtocolName, registryOf, signIn } from '../client/protocols.ts';
import { type FixtureServer, openFixtureServer } from './fixture-server.ts';
import { fixtureRelease, type TestServer, type TestServerOptions } from './test-server.ts';

export const chatRegistry = registryOf(fixtureRelease.descriptorSet);
export const kinds = { direct: 1, group: 2 } as const;
export const roles = { none: 0, member: 1, admin: 2, owner: 3 } as const;

// biome-ignore lint/suspicious/noExplicitAny: answers of protobuf-es, which the tests look into
export type Came = any;

export type ChatCalls = {
  /** Calls a method of ChatService, or a named service's, as a user. @returns the answer, or its reason */
  try(
    user: string,
    method: string,
    request: Record<string, unknown>,
    protocol?: ProtocolName,
  ): Promise<{ readonly reason?: string; readonly came: Came }>;
  /** The same, for what must succeed. */
  call(user: string, method: string, request: Record<string, unknown>, protocol?: ProtocolName): Promise<Came>;
  /** Calls a method of ConversationService as an internal service. @returns the answer, or its reason */
  service(name: string, method: string, request: Record<string, unknown>): Promise<Came>;
  /** A group of the first user with the others. @returns its id */
  group(...users: readonly string[]): Promise<string>;
  /** Sends a text. @returns its place */
  post(user: string, conversationId: string, text: string, clientId?: string): Promise<Came>;
  /** A stream of a user, signed in anew: another device; by other protocols than gRPC with Open and Send. */
  connect(
    user: string,
    hello?: Record<string, unknown>,
    options?: Partial<Pick<ChatClientOptions, 'acknowledges' | 'headers'>> & { readonly by?: ProtocolName },
  ): Promise<ChatClient>;
  /** Signed in once. */
  headersOf(user: string): Promise<{ readonly authorization: string }>;
};
export type ChatServer = FixtureServer & ChatCalls;

const transports = keptTransports();

export async function openChatServer(options: Omit<TestServerOptions, 'app'> = {}): Promise<ChatServer> {
  const settings = { 'chat.writesPerSecond': 1_000, 'chat.additionsPerHour': 100_000, ...options.settings };
  const server = await openFixtureServer({ ...options, settings });
  return { ...server, ...chatCalls(server) };
}

export function chatCalls(server: TestServer): ChatCalls {
  const headers = new Map<string, Promise<{ readonly authorization: string }>>();
  const headersOf = (user: string) => {
    const known = headers.get(user) ?? signIn(server, chatRegistry, user).then((signedIn) => signedIn.headers);
    headers.set(user, known);
    return known;
  };
  const attempt: ChatCalls['try'] = async (user, method, request, protocol = 'grpc h2') => {
    const options = { headers: await headersOf(user) };
    const { messages, reason } = await callOf(
      chatRegistry,
      transports(protocol, server),
      `portico.v1.${method.includes('/') ? method : `ChatService/${method}`}`,
      request,
      options,
    );
    return { ...(reason === undefined ? {} : { reason }), came: messages[0] };
  };
  const call: ChatCalls['call'] = async (user, method, request, protocol) => {
    const { reason, came } = await attempt(user, method, request, protocol);
    if (reason !== undefined) throw new Error(`${method} as ${user}: ${reason}`);
    return came;
  };
  return {
    try: attempt,
    call,
    headersOf,
    service: async (name, method, request) => {
      const options = { headers: { authorization: `Bearer ${await server.portico.serviceToken(name, 60_000)}` } };
      const inner = transports('grpc h2', { url: server.internalUrl, ca: server.ca });
      const { messages, reason } = await callOf(chatRegistry, inner, `portico.internal.v1.ConversationService/${method}`, request, options);
      return reason ?? messages[0];
    },
    connect: async (user, hello = {}, { headers, by = 'grpc h2', ...more } = {}) =>
      (by.startsWith('grpc h2') ? openChatClient : openChatByOpen)({
        registry: chatRegistry,
        transport: transports(by, server),
        headers: headers ?? (await signIn(server, chatRegistry, user)).headers,
        hello,
        ...more,
      }),
    group: async (first = '', ...others) =>
      (await call(first, 'CreateConversation', { kind: kinds.group, userIds: others, title: 'Crew', clientId: randomUUID() })).conversation.id,
    post: async (user, conversationId, text, clientId = randomUUID()) =>
      (await call(user, 'Post', { conversationId, entry: textEntry(text, clientId) })).posted,
  };
}

export const textEntry = (text: string, clientId: string = randomUUID()) => ({
  clientId,
  what: { case: 'message', value: { content: { text } } },
});
export const textsOf = (events: Came): readonly string[] => events.map((event: Came) => event.what.value.content?.text);
