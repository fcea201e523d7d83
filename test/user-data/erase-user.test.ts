import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { callOf, keptTransports, protocols, registryOf } from '../support/client/protocols.ts';
import { chatCalls } from '../support/server/chat-server.ts';
import { type FixtureServer, openFixtureServer } from '../support/server/fixture-server.ts';
import { fixtureRelease } from '../support/server/test-server.ts';
import { until } from '../support/time/until.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
const transports = keptTransports();
const service = 'portico.internal.v1.PublisherService';
let server: FixtureServer;
before(async () => {
  server = await openFixtureServer({ settings: { 'privacy.services': ['privacy'], 'privacy.secondPassAfter': '0s' } });
});
after(() => server.close());

// biome-ignore lint/suspicious/noExplicitAny: answers of protobuf-es, which the tests look into
type Answered = { readonly reason?: string | undefined; readonly messages: readonly any[] };

async function internal(method: string, request: Record<string, unknown>, by = 'privacy'): Promise<Answered> {
  const headers = { authorization: `Bearer ${await server.portico.serviceToken(by, 60_000)}` };
  return callOf(registry, transports('grpc h2', { url: server.internalUrl, ca: server.ca }), `${service}/${method}`, request, { headers });
}

test('an internal service exports and erases a user, whose sessions and streams end', async () => {
  const chat = chatCalls(server);
  const [user, other] = [`user-${randomUUID()}`, `other-${randomUUID()}`];
  const id = await chat.group(user, other);
  const text = `text-${randomUUID()}`;
  await chat.post(user, id, text);
  const stream = await chat.connect(user);
  const watching = await chat.connect(other);
  await watching.wait('caughtUp');

  const { messages } = await internal('ExportUser', { userId: user });
  const records = messages.map((message) => ({ ...message, data: JSON.parse(message.json) }));
  assert.deepEqual(records.find(({ kind }) => kind === 'message')?.data.text, text);
  assert.ok(records.some(({ part, kind }) => part === 'sessions' && kind === 'session'));

  const requestId = randomUUID();
  const first = await internal('EraseUser', { userId: user, requestId });
  assert.equal(first.reason, undefined);
  const [report] = first.messages;
  assert.notEqual(report?.doneAt, undefined);
  assert.deepEqual((await internal('EraseUser', { userId: user, requestId })).messages[0], report);
  assert.deepEqual((await internal('ExportUser', { userId: user })).messages, []);
  assert.match((await chat.try(user, 'ListConversations', {})).reason ?? '', /^SESSION_REVOKED$/);
  await until('the stream ends', () => stream.ended() !== undefined);

  // the deletion reaches whoever is connected, and the history has no trace
  await until('the deletion comes', () => watching.events(id).some(({ what }) => what?.$case === 'deleted' && what.value.targetSeq === 2n));
  const asText = (value: unknown) => JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? String(inner) : inner));
  const history = asText(await chat.call(other, 'GetHistory', { conversationId: id }));
  assert.deepEqual(
    [user, text].filter((mark) => history.includes(mark)),
    [],
  );
});

test('the public listener erases and exports for no one, by no protocol', async () => {
  const user = `user-${randomUUID()}`;
  const headers = [await chatCalls(server).headersOf(user), { authorization: `Bearer ${await server.portico.serviceToken('privacy', 60_000)}` }];
  for (const protocol of protocols)
    for (const options of headers.map((of) => ({ headers: of })))
      for (const [method, request] of [
        ['EraseUser', { userId: user, requestId: randomUUID() }],
        ['ExportUser', { userId: user }],
      ] as const) {
        const { reason, messages } = await callOf(registry, transports(protocol, server), `${service}/${method}`, request, options);
        assert.deepEqual([protocol, method, reason, messages], [protocol, method, 'METHOD_UNKNOWN', []]);
      }
  assert.equal((await chatCalls(server).try(user, 'ListConversations', {})).reason, undefined);
});

test('a service that the settings do not name exports and erases nothing, by no protocol', async () => {
  const user = `user-${randomUUID()}`;
  await chatCalls(server).call(user, 'ListConversations', {});
  for (const by of ['orders', 'privacy2', 'portico'])
    for (const [method, request] of [
      ['EraseUser', { userId: user, requestId: randomUUID() }],
      ['ExportUser', { userId: user }],
    ] as const) {
      const { reason, messages } = await internal(method, request, by);
      assert.deepEqual([by, method, reason, messages], [by, method, 'SERVICE_FORBIDDEN', []]);
    }
  assert.equal((await chatCalls(server).try(user, 'ListConversations', {})).reason, undefined);
});

test('no service may export or erase where the settings name none', async () => {
  await using other = await openFixtureServer();
  const headers = { authorization: `Bearer ${await other.portico.serviceToken('privacy', 60_000)}` };
  for (const [method, request] of [
    ['EraseUser', { userId: 'alice', requestId: randomUUID() }],
    ['ExportUser', { userId: 'alice' }],
  ] as const) {
    const at = transports('grpc h2', { url: other.internalUrl, ca: other.ca });
    assert.equal((await callOf(registry, at, `${service}/${method}`, request, { headers })).reason, 'SERVICE_FORBIDDEN');
  }
});

test('hostile requests are refused by their rules, and erase nothing', async () => {
  const requestId = randomUUID();
  for (const request of [
    {},
    { userId: 'u' },
    { userId: '', requestId },
    { userId: 'x'.repeat(257), requestId },
    { userId: 'u', requestId: 'short' },
    { userId: 'u', requestId: 'x'.repeat(101) },
    { userId: 'u', requestId: `${'x'.repeat(20)}\n` },
    { userId: 'u\u0000', requestId },
  ])
    assert.equal((await internal('EraseUser', request)).reason, 'REQUEST_INVALID', JSON.stringify(request));
  for (const request of [{}, { userId: 'x'.repeat(257) }, { userId: '\u0000' }])
    assert.equal((await internal('ExportUser', request)).reason, 'REQUEST_INVALID', JSON.stringify(request));
  // what looks like SQL or a pattern is a name like any other
  for (const userId of ["'; DROP TABLE sessions; --", '%', '_', '*', '\\', '{"userId":"x"}', '🙂']) {
    const { messages, reason } = await internal('EraseUser', { userId, requestId: randomUUID() });
    assert.deepEqual([reason, messages[0]?.erased.filter(({ count }: { count: bigint }) => count > 0n)], [undefined, []]);
  }
});
