// What internal services, and a company's own screens, do in conversations.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { callOf, transportOf } from '../support/client/protocols.ts';
import { type Came, type ChatServer, chatRegistry, kinds, openChatServer, roles } from '../support/server/chat-server.ts';

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
