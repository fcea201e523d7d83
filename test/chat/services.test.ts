// What internal services, and a company's own screens, do in conversations.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type StreamContext, stream } from '../../src/core/screen/hand-written-stream.ts';
import { openFixture } from '../fixture/app.ts';
import { HandWrittenServiceDefinition } from '../fixture/gen/fixture/v1/fixture.ts';
import { callOf, transportOf } from '../support/client/protocols.ts';
import { type Came, type ChatServer, chatCalls, chatRegistry, kinds, openChatServer, roles } from '../support/server/chat-server.ts';
import { openTestServer } from '../support/server/test-server.ts';

let server: ChatServer;
before(async () => {
  server = await openChatServer();
});
after(() => server?.close());

const service = 'portico.internal.v1.ConversationService';
const as: ChatServer['service'] = (...call) => server.service(...call);

test('a service opens a conversation about its subject, and speaks in it as itself and as a bot: each once', async () => {
  const client = await server.connect('ann');
  await client.wait('caughtUp');
  const members = [
    { userId: 'ann', role: roles.owner },
    { userId: 'carl', role: roles.member },
  ];
  const wish = { clientId: 'order:42', kind: kinds.group, subject: 'order:42', title: 'Your parcel', members };
  const { conversationId, created } = await as('orders', 'Create', wish);
  const again = await as('orders', 'Create', wish);
  assert.deepEqual([created, again.conversationId, again.created], [true, conversationId, false]);
  assert.notEqual((await as('couriers', 'Create', wish)).conversationId, conversationId, 'another service has ids of its own');
  const content = { text: 'On its way', data: Uint8Array.of(7) };
  const say = (more: Record<string, unknown>) => as('orders', 'Say', { conversationId, clientId: '1', content, ...more });
  const [one, two, bot] = [await say({}), await say({}), await say({ bot: 'courier' })];
  assert.deepEqual([one.posted.seq, two.posted.seq, two.posted.repeated, bot.posted.seq], [2n, 2n, true, 3n]);
  assert.equal(await say({ content: { text: 'Other' } }), 'MESSAGE_ID_REUSED');
  await client.upTo(conversationId, 3);
  assert.deepEqual(
    client.events(conversationId).map(({ sender }) => [sender?.kind, sender?.id]),
    [
      [3, 'orders'],
      [3, 'orders'],
      [2, 'courier'],
    ],
  );
  assert.equal(client.all('conversation').find(({ conversation }) => conversation?.id === conversationId)?.conversation?.subject, 'order:42');
});

test('a service changes members, and a user who is removed gets nothing more', async () => {
  const conversationId = await server.group('bea', 'cleo');
  const client = await server.connect('cleo');
  await client.wait('caughtUp');
  const set = (userId: string, role: number) => as('orders', 'SetMembers', { conversationId, changes: [{ userId, role }] });
  assert.equal((await set('cleo', roles.none)).seq, 2n);
  assert.equal((await set('cleo', roles.none)).seq, 0n);
  await client.wait('left');
  assert.equal((await server.try('cleo', 'GetHistory', { conversationId })).reason, 'CONVERSATION_UNKNOWN');
});

test('what is not possible is refused with its reason', async () => {
  const conversationId = '01890000-0000-7000-8000-000000000000';
  const member = (userId: string, role = 1) => ({ userId, role });
  const create = (members: readonly unknown[], kind: number = kinds.direct) => as('orders', 'Create', { clientId: 'x', kind, members });
  assert.deepEqual(
    [
      await as('orders', 'Say', { conversationId, clientId: '1', content: { text: 'x' } }),
      await as('orders', 'SetMembers', { conversationId, changes: [member('a')] }),
      await create([member('a')]),
      await create([member('a'), member('a')]),
      await create([member('a', 0)], kinds.group),
    ],
    ['CONVERSATION_UNKNOWN', 'CONVERSATION_UNKNOWN', 'REQUEST_INVALID', 'REQUEST_INVALID', 'REQUEST_INVALID'],
  );
});

test('no user reaches these methods, on neither listener', async () => {
  const headers = await server.headersOf('mallory');
  for (const [url, reason] of [
    [server.url, 'METHOD_UNKNOWN'],
    [server.internalUrl, 'SERVICE_ONLY'],
  ] as const) {
    const outcome = await callOf(chatRegistry, transportOf('grpc h2', { url, ca: server.ca }), `${service}/Say`, {}, { headers });
    assert.equal(outcome.reason, reason);
  }
});

test('a screen speaks in a conversation by its context, once for its id', async () => {
  const conversationId = await server.group('dora', 'emil');
  server.fixture.switches.onChange = async ({ itemId, title, chat }) => {
    await chat.say(conversationId, { clientId: itemId, bot: 'items', text: title });
  };
  const change = async () =>
    callOf(
      chatRegistry,
      transportOf('grpc h2', server),
      'fixture.v1.ScreenService/ChangeItem',
      { itemId: '7', title: 'New title' },
      {
        headers: await server.headersOf('dora'),
      },
    );
  for (let n = 0; n < 2; n++) assert.equal((await change()).code, 0);
  const { events } = await server.call('emil', 'GetHistory', { conversationId });
  assert.deepEqual(
    events.slice(1).map(({ sender, what }: Came) => [sender.id, what.value.content.text]),
    [['items', 'New title']],
  );
});

test('a stream that is written by hand opens a conversation, speaks in it and changes its members by its context', async () => {
  const { app } = openFixture();
  const speaks = stream(HandWrittenServiceDefinition, 'converse', async function* (requests, { chat, caller }: StreamContext) {
    const dora = caller?.userId ?? '';
    const members = [dora, 'emil'].map((userId) => ({ userId, role: 'member' }) as const);
    const { conversationId } = await chat.create({ clientId: 'item:7', kind: 'group', subject: 'item:7', title: 'Item 7', members });
    for await (const { text } of requests) {
      const { seq } = await chat.say(conversationId, { clientId: text, bot: 'items', text });
      yield { text: conversationId, index: seq };
    }
    await chat.setMembers(conversationId, [{ userId: dora, role: undefined }]);
  });
  const screens = app.screens.map((screen) => (screen.method === speaks.method ? speaks : screen));
  await using own = await openTestServer({ app: { ...app, screens }, samples: { scripted: '127.0.0.1:1' } });
  const calls = chatCalls(own);
  const converse = async (texts: readonly string[]) =>
    callOf(
      chatRegistry,
      transportOf('grpc h2', own),
      'fixture.v1.HandWrittenService/Converse',
      texts.map((text) => ({ text })),
      {
        headers: await calls.headersOf('dora'),
      },
    );
  const { code, messages } = await converse(['one', 'two', 'one']);
  assert.equal(code, 0);
  const conversationId = String(messages[0]?.text);
  assert.deepEqual(
    messages.map(({ index }) => index),
    [2, 3, 2],
    'each once',
  );
  const { events } = await calls.call('emil', 'GetHistory', { conversationId });
  assert.deepEqual(
    events.map(({ seq, sender, what }: Came) => [seq, sender.id, what.case]),
    [
      [1n, 'app', 'membersChanged'],
      [2n, 'items', 'message'],
      [3n, 'items', 'message'],
      [4n, 'app', 'membersChanged'],
    ],
  );
  assert.equal((await calls.try('dora', 'GetHistory', { conversationId })).reason, 'CONVERSATION_UNKNOWN', 'it has removed its caller');
});
