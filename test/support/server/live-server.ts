// A server with the fixture's app and namespaces of its own, with what tests of live updates do to it.

import { type LiveClient, type LiveOptions, openLiveClient } from '../client/live-client.ts';
import { callOf, keptTransports, type ProtocolName, registryOf, signIn } from '../client/protocols.ts';
import { type FixtureServer, openFixtureServer } from './fixture-server.ts';
import { fixtureRelease, type TestServer, type TestServerOptions } from './test-server.ts';

export const liveRegistry = registryOf(fixtureRelease.descriptorSet);

/** One namespace of each kind. */
export const namespaces = {
  news: { listen: 'users', history: 1_000 },
  room: { listen: 'users', publish: true },
  hall: { listen: 'users', publish: true, presence: { listMax: 4, leaveAfter: '1s' } },
  user: { listen: 'owner' },
  place: { listen: 'users', conflate: true },
  staff: { listen: 'users', scopes: ['items.write'] },
  talk: { listen: 'method', method: 'fixture.v1.ScreenService/GetItem', field: 'item_id', publish: true },
  item: { listen: 'method', method: 'fixture.v1.ScreenService/GetItem', field: 'item_id' },
} as const;

export type LiveServer = FixtureServer & {
  /** A stream of a user, who is signed in for it. */
  live(
    user: string,
    hello?: Record<string, unknown>,
    options?: Partial<Pick<LiveOptions, 'acknowledges' | 'headers'>> & { readonly protocol?: ProtocolName },
  ): Promise<LiveClient>;
  publish(
    ...events: readonly { readonly topic: string; readonly text: string; readonly requestId?: string; readonly key?: string }[]
  ): Promise<readonly number[]>;
  invalidate(...tags: readonly string[]): Promise<void>;
};

/** How an internal service calls a server. @throws Error with the reason */
export async function callInternal(server: TestServer, method: string, request: Record<string, unknown>): Promise<Record<string, unknown>> {
  const headers = { authorization: `Bearer ${await server.portico.serviceToken('orders', 60_000)}` };
  const inner = transports('grpc h2', { url: server.internalUrl, ca: server.ca });
  const { code, reason, message, messages } = await callOf(liveRegistry, inner, `portico.internal.v1.PublisherService/${method}`, request, {
    headers,
  });
  if (code !== 0) throw new Error(`${reason}: ${message}`);
  return messages[0] ?? {};
}

const transports = keptTransports();

export async function openLiveServer({ settings = {}, ...options }: Omit<TestServerOptions, 'app'> = {}): Promise<LiveServer> {
  const server = await openFixtureServer({
    ...options,
    settings: { 'live.namespaces': namespaces, 'live.streamsPerUser': 200, 'live.beginsPerSecond': 10_000, ...settings },
  });
  return { ...server, ...liveCalls(server) };
}

export function liveCalls(server: TestServer): Pick<LiveServer, 'live' | 'publish' | 'invalidate'> {
  return {
    live: async (user, hello = {}, { protocol = 'grpc h2', ...more } = {}) => {
      const headers = more.headers ?? (await signIn(server, liveRegistry, user)).headers;
      return openLiveClient({ registry: liveRegistry, transport: transports(protocol, server), headers, hello, ...more });
    },
    publish: async (...events) => {
      const encoded = events.map(({ topic, text, requestId = '', key = '' }) => ({ topic, payload: Buffer.from(text), requestId, key }));
      const { offsets } = await callInternal(server, 'Publish', { events: encoded });
      return (offsets as readonly bigint[]).map(Number);
    },
    invalidate: async (...tags) => {
      await callInternal(server, 'Invalidate', { tags: [...tags] });
    },
  };
}
