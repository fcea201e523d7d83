// What passes between a user and whom this user has blocked: nothing of it to the one, nothing that shows life to the
// other, on every way; and what others see stays as it was.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { ChatClient } from '../support/client/chat-client.ts';
import { protocols } from '../support/client/protocols.ts';
import { type ChatServer, kinds, openChatServer, roles, textEntry } from '../support/server/chat-server.ts';
import { until } from '../support/time/until.ts';

let server: ChatServer;
before(async () => {
  server = await openChatServer();
});
after(() => server?.close());

type World = {
  readonly ann: string;
  readonly bob: string;
  readonly cy: string;
  readonly id: string;
  readonly clients: Readonly<Record<'ann' | 'bob' | 'cy', ChatClient>>;
};
const names = () => ['ann', 'bob', 'cy'].map((name) => `${name}-${randomUUID()}`) as [string, string, string];
const block = (user: string, userId: string) => server.call(user, 'SafetyService/BlockUser', { userId });
const unblock = (user: string, userId: string) => server.call(user, 'SafetyService/UnblockUser', { userId });
const send = (user: string, conversationId: string, what: object) =>
  server.call(user, 'Post', { conversationId, entry: { clientId: randomUUID(), what } });

/** Three streams, on which Ann blocks Bob. Ann and Bob have each said something before. */
async function blocked(): Promise<World> {
  const [ann, bob, cy] = names();
  const id = await server.group(ann, bob, cy);
  await server.post(bob, id, 'of Bob');
  await server.post(ann, id, 'of Ann');
  const [one, two, three] = await Promise.all([ann, bob, cy].map((user) => server.connect(user)));
  const clients = { ann: one as ChatClient, bob: two as ChatClient, cy: three as ChatClient };
  await Promise.all(Object.values(clients).map((client) => client.wait('caughtUp')));
  await block(ann, bob);
  await until('the block has come', () => clients.ann.all('conversation').some(({ reset }) => reset));
  await clients.ann.upTo(id, 3);
  return { ann, bob, cy, id, clients };
}
/** Waits until everybody has what was said last, so that what was said before has come, or never will. */
async function settled({ cy, id, clients }: World): Promise<void> {
  const { seq } = await server.post(cy, id, 'the end');
  await Promise.all(Object.values(clients).map((client) => client.upTo(id, seq)));
}
const lastKind = (client: ChatClient, id: string) => client.events(id).at(-2)?.what?.$case;

const came = ({ clients, id }: World, kind: string) =>
  until(`${kind} has come`, () => clients.cy.events(id).some(({ seq, what }) => seq > 3n && what?.$case === kind));

/** What one does, and what the other one must get of it; Cy gets it each time. */
const live: Readonly<Record<string, { do(world: World): Promise<unknown>; none(world: World): unknown; witness(world: World): Promise<unknown> }>> = {
  'a message of the blocked one': {
    do: ({ bob, id }) => server.post(bob, id, 'secret'),
    none: ({ clients, id }) => assert.equal(lastKind(clients.ann, id), 'hidden'),
    witness: (world) => came(world, 'message'),
  },
  'an edit of the blocked one': {
    do: ({ bob, id }) => send(bob, id, { case: 'edit', value: { targetSeq: 2n, content: { text: 'secret' } } }),
    none: ({ clients, id }) => assert.equal(lastKind(clients.ann, id), 'hidden'),
    witness: (world) => came(world, 'edited'),
  },
  'a reaction of the blocked one': {
    do: ({ bob, id }) => send(bob, id, { case: 'react', value: { targetSeq: 3n, reaction: '👍' } }),
    none: ({ clients, id }) => assert.equal(lastKind(clients.ann, id), 'hidden'),
    witness: (world) => came(world, 'reacted'),
  },
  'a reaction to the blocked one': {
    do: async ({ ann, id }) =>
      assert.equal((await send(ann, id, { case: 'react', value: { targetSeq: 2n, reaction: '👍' } })).posted.seq, 0n, 'it changes nothing'),
    none: ({ clients, id }) => assert.equal(lastKind(clients.bob, id), 'message'),
    witness: async () => {},
  },
  'typing of the blocked one': {
    do: async ({ clients, id }) => clients.bob.send({ case: 'typing', value: { conversationId: id } }),
    none: ({ clients }) => assert.deepEqual(clients.ann.all('typing'), []),
    witness: ({ clients }) => clients.cy.wait('typing'),
  },
  'typing of the one who has blocked': {
    do: async ({ clients, id }) => clients.ann.send({ case: 'typing', value: { conversationId: id } }),
    none: ({ clients }) => assert.deepEqual(clients.bob.all('typing'), []),
    witness: ({ clients }) => clients.cy.wait('typing'),
  },
  'a receipt of the blocked one': {
    do: ({ bob, id }) => server.call(bob, 'MarkReceived', { conversationId: id, deliveredSeq: 3n, readSeq: 3n }),
    none: ({ clients }) => assert.deepEqual(clients.ann.all('receipt'), []),
    witness: ({ clients }) => clients.cy.wait('receipt'),
  },
  'a receipt of the one who has blocked': {
    do: ({ ann, id }) => server.call(ann, 'MarkReceived', { conversationId: id, deliveredSeq: 3n, readSeq: 3n }),
    none: ({ clients }) => assert.deepEqual(clients.bob.all('receipt'), []),
    witness: ({ clients }) => clients.cy.wait('receipt'),
  },
};
for (const [what, row] of Object.entries(live))
  test(`${what} does not come to the other one, and comes to the third`, async () => {
    const world = await blocked();
    await row.do(world);
    await row.witness(world);
    await settled(world);
    row.none(world);
    for (const client of Object.values(world.clients)) client.cut();
  });

test('presence: the two do not see each other from the block on, and do again after it', async () => {
  const [ann, bob, cy] = names();
  const id = await server.group(ann, bob, cy);
  const looking = async (user: string) => {
    const client = await server.connect(user);
    await client.wait('welcome');
    client.send({ case: 'looking', value: { conversationIds: [id] } });
    return client;
  };
  const clients = await Promise.all([ann, bob, cy].map(looking));
  const see = (...whom: (readonly string[])[]) =>
    until('each sees whom it should', () =>
      clients.every((client, i) => client.all('presence').at(-1)?.users.join() === [...(whom[i] ?? [])].sort().join()),
    );
  await see([ann, bob, cy], [ann, bob, cy], [ann, bob, cy]);
  await block(ann, bob);
  await see([ann, cy], [bob, cy], [ann, bob, cy]);
  await unblock(ann, bob);
  await see([ann, bob, cy], [ann, bob, cy], [ann, bob, cy]);
  for (const client of clients) client.cut();
});

test('a device that was away forgets what it has of the conversation, and gets it anew as it is seen now', async () => {
  const [ann, bob] = names();
  const id = await server.group(ann, bob);
  await server.post(bob, id, 'of Bob');
  const other = await server.group(ann);
  const before = await server.connect(ann);
  const { syncToken } = await before.wait('caughtUp');
  const positions = before.positions();
  const ownSeq = before.ownSeq();
  before.cut();
  const seen = async (hello: Record<string, unknown>) => {
    const client = await server.connect(ann, hello);
    await client.wait('caughtUp');
    const resets = client.all('conversation').flatMap(({ reset, conversation }) => (reset ? [conversation?.id] : []));
    const said = client.events(id).map(({ what }) => what?.$case);
    const own = client.ownSeq();
    client.cut();
    return { resets, said, own };
  };
  await block(ann, bob);
  const hidden = { resets: [id], said: ['membersChanged', 'hidden'] };
  const first = await seen({ positions, ownSeq });
  assert.deepEqual({ resets: first.resets, said: first.said }, hidden, 'by positions');
  const second = await seen({ syncToken, ownSeq });
  assert.deepEqual({ resets: second.resets, said: second.said }, hidden, 'by token');
  assert.deepEqual((await seen({ positions, ownSeq: first.own })).resets, [], 'once');
  await unblock(ann, bob);
  const third = await seen({ positions, ownSeq: first.own });
  assert.deepEqual({ resets: third.resets, said: third.said }, { resets: [id], said: ['membersChanged', 'message'] });
  assert.notEqual(other, id);
});

test('lists, history, unread counts and receipts follow a block and its end', async () => {
  const [ann, bob, cy] = names();
  const id = await server.group(ann, bob, cy);
  await server.post(bob, id, 'of Bob');
  for (const user of [ann, bob, cy]) await server.call(user, 'MarkReceived', { conversationId: id, deliveredSeq: 2n, readSeq: 1n });
  const look = async (user: string) => {
    const { conversations } = await server.call(user, 'ListConversations', {});
    const { events } = await server.call(user, 'GetHistory', { conversationId: id });
    const { members } = await server.call(user, 'ListMembers', { conversationId: id });
    return {
      unread: conversations[0].conversation.own.unread,
      last: conversations[0].lastMessage.what.case,
      history: events.at(-1).what.case,
      receipts: members.map(({ userId, deliveredSeq }: { userId: string; deliveredSeq: bigint }) => `${userId.split('-')[0]} ${deliveredSeq}`).sort(),
    };
  };
  const open = { unread: 1, last: 'message', history: 'message', receipts: ['ann 2', 'bob 2', 'cy 2'] };
  assert.deepEqual(await look(ann), open);
  await block(ann, bob);
  assert.deepEqual(await look(ann), { unread: 0, last: 'hidden', history: 'hidden', receipts: ['ann 2', 'bob 0', 'cy 2'] });
  assert.deepEqual((await look(bob)).receipts, ['ann 0', 'bob 2', 'cy 2']);
  assert.deepEqual(await look(cy), open);
  await unblock(ann, bob);
  assert.deepEqual(await look(ann), open);
  assert.deepEqual((await look(bob)).receipts, open.receipts);
});

for (const protocol of protocols)
  test(`${protocol}: block, list and unblock; nobody of the two opens a conversation with the other one`, async () => {
    const [ann, bob, cy] = names();
    const call = (user: string, method: string, request: object = {}) => server.try(user, `SafetyService/${method}`, request as never, protocol);
    for (let n = 0; n < 2; n++) assert.deepEqual((await call(ann, 'BlockUser', { userId: bob })).reason, undefined, 'again');
    await call(ann, 'BlockUser', { userId: cy });
    const first = (await call(ann, 'ListBlockedUsers', { pageSize: 1 })).came;
    const rest = (await call(ann, 'ListBlockedUsers', { pageToken: first.nextPageToken })).came;
    assert.deepEqual(
      [...first.users, ...rest.users].map(({ userId }) => userId),
      [bob, cy],
    );
    assert.equal(rest.nextPageToken, '');
    assert.ok(first.users[0].blockedAt.seconds > 0n);
    assert.deepEqual((await call(bob, 'ListBlockedUsers')).came.users, [], 'the list is its user’s alone');
    const open = async (user: string, other: string) =>
      (await server.try(user, 'CreateConversation', { kind: kinds.direct, userIds: [other], clientId: randomUUID() }, protocol)).reason;
    assert.deepEqual([await open(bob, ann), await open(ann, bob)], ['MEMBER_REFUSED', 'MEMBER_REFUSED']);
    for (let n = 0; n < 2; n++) assert.equal((await call(ann, 'UnblockUser', { userId: bob })).reason, undefined, 'again');
    assert.deepEqual([await open(bob, ann), await open(ann, bob)], [undefined, undefined]);
  });

test('a direct conversation that was there stays: what the blocked one says is a marker, and is shown after the block', async () => {
  const [ann, bob] = names();
  const request = { kind: kinds.direct, userIds: [bob], clientId: randomUUID() };
  const { conversation } = await server.call(ann, 'CreateConversation', request);
  await block(ann, bob);
  assert.equal((await server.try(bob, 'Post', { conversationId: conversation.id, entry: textEntry('are you there?') })).reason, undefined);
  const last = async () => (await server.call(ann, 'GetHistory', { conversationId: conversation.id })).events.at(-1).what.case;
  assert.equal(await last(), 'hidden');
  await unblock(ann, bob);
  assert.equal(await last(), 'message');
});

test('nobody adds to a group whom one has blocked, or who has blocked one', async () => {
  const [ann, bob, cy] = names();
  const [ofAnn, ofBob] = [await server.group(ann, cy), await server.group(bob, cy)];
  await block(ann, bob);
  const add = async (by: string, conversationId: string, userId: string) =>
    (await server.try(by, 'ChangeMembers', { conversationId, changes: [{ userId, role: roles.member }] })).reason;
  assert.deepEqual([await add(ann, ofAnn, bob), await add(bob, ofBob, ann)], ['MEMBER_REFUSED', 'MEMBER_REFUSED']);
});

const wrong: Readonly<Record<string, string>> = {
  oneself: 'ann-of-blocks',
  nobody: '',
  'too long': 'x'.repeat(201),
  'a control character': 'a\u0007b',
  'a NUL': 'a\0b',
};
for (const [what, userId] of Object.entries(wrong))
  test(`who blocks ${what} is told so`, async () => {
    assert.equal((await server.try('ann-of-blocks', 'SafetyService/BlockUser', { userId })).reason, 'REQUEST_INVALID');
  });

test('a user blocks 1,000 users, and no more; two blocks of each other at once are both kept', async () => {
  const [ann, bob] = names();
  await server.group(ann, bob);
  const rest = Array.from({ length: 999 }, (_, i) => `u${i}`);
  for (const some of Map.groupBy(rest, (_) => Number(_.slice(1)) % 20).values()) await Promise.all(some.map((user) => block(ann, user)));
  await Promise.all([block(ann, bob), block(bob, ann)]);
  assert.equal((await server.try(ann, 'SafetyService/BlockUser', { userId: 'one more' })).reason, 'BLOCKS_TOO_MANY');
  await unblock(ann, 'u7');
  assert.equal((await server.try(ann, 'SafetyService/BlockUser', { userId: 'one more' })).reason, undefined);
  assert.deepEqual(
    (await server.call(bob, 'SafetyService/ListBlockedUsers', {})).users.map(({ userId }: { userId: string }) => userId),
    [ann],
  );
});
