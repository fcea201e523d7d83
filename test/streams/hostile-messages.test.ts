// Every field of every message that a client may send in a stream, with what no client of ours would send: the stream
// goes on, or is closed with a reason that blames the client.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { DescMessage } from '@bufbuild/protobuf';
import { ConnectError } from '@connectrpc/connect';
import { ChatResponse } from '../../src/gen/portico/v1/chat.ts';
import { LiveResponse } from '../../src/gen/portico/v1/live.ts';
import { detailsOf } from '../support/client/conformance.ts';
import { type Init, type Variant, variants } from '../support/client/hostile-variants.ts';
import { keptTransports, type ProtocolName, signIn } from '../support/client/protocols.ts';
import { scraped } from '../support/client/scrape.ts';
import { streamCalls, type Wish } from '../support/client/stream-calls.ts';
import { type ChatServer, openChatServer, chatRegistry as registry } from '../support/server/chat-server.ts';
import { namespaces } from '../support/server/live-server.ts';
import { until } from '../support/time/until.ts';

let server: ChatServer;
let conversationId: string;
before(async () => {
  const live = { 'live.namespaces': namespaces, 'live.streamsPerUser': 200, 'live.beginsPerSecond': 10_000 };
  server = await openChatServer({ settings: live });
  conversationId = await server.group('ann', ...users);
  await server.post('ann', conversationId, 'message');
});
after(() => server?.close());

const users = Array.from({ length: 8 }, (_, n) => `user${n}`);
const subscribe = { topic: 'room:1', generation: 1, position: { epoch: 'e', offset: 3n, eventId: 'x' }, presence: true };
const watch = { id: 1, generation: 1, method: 'fixture.v1.ScreenService/GetItem', request: Uint8Array.of(10, 1, 49), etag: 'x' };
const common = (): readonly Wish[] => [
  { case: 'acknowledge', value: { count: 0n } },
  { case: 'renew', value: { accessToken: 'a.b.c' } },
  { case: 'heartbeat', value: { intervalMs: 8_000 } },
];

/** A good message of each kind, by service; hello is sent as the first one. */
const messages = (): Readonly<Record<string, readonly Wish[]>> => ({
  'portico.v1.ChatService': [
    {
      case: 'hello',
      value: { positions: [{ conversationId, seq: 1n, eventId: randomUUID() }], ownSeq: 1n, heartbeatMs: 9_000, device: 'd', syncToken: '' },
    },
    ...common(),
    ...[
      ['message', { content: { text: 'Hi', data: Uint8Array.of(1) }, replyToSeq: 2n }],
      ['edit', { targetSeq: 2n, content: { text: 'Hi', data: Uint8Array.of(1) } }],
      ['react', { targetSeq: 2n, reaction: '+1', remove: false }],
      ['delete', { targetSeq: 4n }],
    ].map(([name, value]) => ({ case: 'post', value: { conversationId, entry: { clientId: randomUUID(), what: { case: name, value } } } })),
    { case: 'received', value: { conversationId, deliveredSeq: 1n, readSeq: 1n } },
    { case: 'typing', value: { conversationId, userId: 'ann' } },
    { case: 'looking', value: { conversationIds: [conversationId] } },
  ],
  'portico.v1.LiveService': [
    { case: 'hello', value: { subscriptions: [subscribe], watches: [watch], heartbeatMs: 9_000, device: 'd' } },
    ...common(),
    { case: 'subscribe', value: subscribe },
    { case: 'unsubscribe', value: { topic: 'room:1', generation: 1 } },
    { case: 'watch', value: watch },
    { case: 'unwatch', value: { id: 1, generation: 1 } },
    { case: 'publish', value: { topic: 'room:1', requestId: 'r', key: 'k', payload: Uint8Array.of(1) } },
  ],
});

const decoders: Readonly<Record<string, (bytes: Uint8Array) => Came | undefined>> = {
  'portico.v1.ChatService': (bytes) => ChatResponse.decode(bytes).message as Came | undefined,
  'portico.v1.LiveService': (bytes) => LiveResponse.decode(bytes).message as Came | undefined,
};
type Came = { readonly $case: string; readonly value: { readonly reason?: string; readonly intervalMs?: number } };

/** What ends a stream, and is the client's own doing. */
const broken = new Set(['REQUEST_INVALID', 'REQUEST_TOO_COMPLEX', 'REQUEST_TOO_LARGE', 'CALL_MALFORMED']);
const blames = new Set([...broken, 'MESSAGES_TOO_MANY']);
const transports = keptTransports();
/** The interval that only the last heartbeat asks for: its answer shows that the stream has gone on. */
const lastMs = 7_123;

type Attempt = Variant & { readonly wish: string };

/** @returns what is wrong with how the server took it */
async function attempt(
  protocol: ProtocolName,
  service: string,
  { wish, name, request, isRefused }: Attempt,
  headers: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  const isHello = wish === 'hello';
  const calls = streamCalls({ registry, transport: transports(protocol, server), headers, hello: isHello ? request : {} }, service);
  const stream = calls.connect();
  const came: Came[] = [];
  let ended: { readonly error?: unknown } | undefined;
  void (async () => {
    for await (const bytes of stream.bytes) came.push(...[decoders[service]?.(bytes)].filter((message) => message !== undefined));
  })().then(
    () => {
      ended = {};
    },
    (error: unknown) => {
      ended = { error };
    },
  );
  if (!isHello) stream.send({ case: wish, value: request });
  stream.send({ case: 'heartbeat', value: { intervalMs: lastMs } });
  const goesOn = () => came.some(({ $case, value }) => $case === 'heartbeat' && value.intervalMs === lastMs);
  const isAnswered = () => came.some(({ value }) => broken.has(value.reason ?? ''));
  await until(`${service} took ${wish} ${name}`, () => ended !== undefined || (goesOn() && (!isRefused || isAnswered())));
  if (ended === undefined) {
    stream.send({ case: 'goodbye', value: {} }); // many streams that are reset would end their connection
    await until('the stream ends', () => ended !== undefined);
    return undefined;
  }
  const reason = came.find(({ $case }) => $case === 'closed')?.value.reason ?? reasonIn(ended.error);
  return reason !== undefined && (isRefused ? broken : blames).has(reason) ? undefined : `ended: ${reason}, ${ended.error}`;
}

const reasonIn = (error: unknown) => detailsOf(ConnectError.from(error)).info?.reason;

for (const protocol of ['grpc h2', 'connect h2'] satisfies readonly ProtocolName[])
  for (const service of Object.keys(decoders))
    test(`${protocol}: whatever stands in a message for ${service}, the stream goes on or blames the client`, async () => {
      const closed = (name: string) => scraped(server, `portico_${name}_closed_total`, '"INTERNAL"');
      const defects = async () => [await scraped(server, 'portico_defects_total'), await closed('live'), await closed('chat')];
      const before = await defects();
      const request = registry.getService(service)?.methods.find(({ name }) => name === 'Connect')?.input;
      const attempts: Attempt[] = (messages()[service] ?? []).flatMap(({ case: wish, value }) => {
        const type = request?.oneofs[0]?.fields.find(({ localName }) => localName === wish)?.message as DescMessage;
        return [...variants(type, value as Init)].map((variant) => ({ wish, ...variant }));
      });
      const wrong: string[] = [];
      // each user one stream at a time: another one of the same device would displace it
      await Promise.all(
        users.map(async (user, n) => {
          const { headers } = await signIn(server, registry, user);
          for (const one of attempts.filter((_, i) => i % users.length === n)) {
            const fault = await attempt(protocol, service, one, headers);
            if (fault !== undefined) wrong.push(`${one.wish} ${one.name}: ${fault}`);
          }
        }),
      );
      assert.deepEqual(wrong, []);
      assert.ok(attempts.length > 100, `${attempts.length} messages`);
      assert.deepEqual(await defects(), before);
    });
