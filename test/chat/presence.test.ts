// Who looks at a conversation: members see each other, and nobody else does.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client } from 'pg';
import type { ChatClient } from '../support/client/chat-client.ts';
import { type ChatServer, openChatServer, roles } from '../support/server/chat-server.ts';
import { until } from '../support/time/until.ts';

let server: ChatServer;
before(async () => {
  server = await openChatServer({ settings: { 'chat.presence': { listMax: 4, leaveAfter: '0s' }, 'live.streamsPerUser': 100 } });
});
after(() => server?.close());

const look = (client: ChatClient, ...conversationIds: readonly string[]) => client.send({ case: 'looking', value: { conversationIds } });
const presenceOf = (client: ChatClient, id: string) => client.all('presence').findLast(({ conversationId }) => conversationId === id);
const sees = (client: ChatClient, id: string, users: readonly string[]) =>
  until(`${users} are present`, () => {
    const presence = presenceOf(client, id);
    return presence?.listed === true && presence.users.join() === users.join() && presence.count === users.length;
  });
async function looking(user: string, ...ids: readonly string[]): Promise<ChatClient> {
  const client = await server.connect(user);
  await client.wait('welcome');
  look(client, ...ids);
  return client;
}

test('members see who looks at a conversation, on whatever device, and who does not any more', async () => {
  const [id, other] = [await server.group('ann', 'bob', 'cy'), await server.group('ann', 'bob')];
  const ann = await looking('ann', id.toUpperCase());
  await sees(ann, id, ['ann']);
  const bob = await looking('bob', id);
  for (const client of [ann, bob]) await sees(client, id, ['ann', 'bob']);
  const tablet = await server.connect('bob', {}, { by: 'json h1' });
  look(tablet, id);
  await sees(tablet, id, ['ann', 'bob']);
  look(bob, other);
  await sees(bob, other, ['bob']);
  await sees(ann, id, ['ann', 'bob']);
  look(tablet);
  await sees(ann, id, ['ann']);
  assert.equal(presenceOf(ann, other), undefined, 'only what the client shows');
  const cy = await looking('cy', id);
  await sees(ann, id, ['ann', 'cy']);
  cy.cut();
  await sees(ann, id, ['ann']);
  for (const client of [ann, bob, tablet]) client.cut();
});

test('a stranger is sent nothing and not counted; a member who is removed sees no more, and is seen no more', async () => {
  const id = await server.group('ann', 'bob', 'cy');
  const eve = await looking('eve', id);
  const [ann, bob] = [await looking('ann', id), await looking('bob', id)];
  await sees(ann, id, ['ann', 'bob']);
  await sees(bob, id, ['ann', 'bob']);
  await server.call('ann', 'ChangeMembers', { conversationId: id, changes: [{ userId: 'bob', role: roles.none }] });
  await bob.wait('left');
  await sees(ann, id, ['ann']);
  look(bob);
  look(bob, id);
  const cy = await looking('cy', id);
  await sees(ann, id, ['ann', 'cy']);
  const own = await server.group('eve');
  look(eve, id, own);
  await sees(eve, own, ['eve']);
  assert.deepEqual([presenceOf(bob, id)?.users, presenceOf(eve, id)], [['ann', 'bob'], undefined]);
  await server.call('ann', 'ChangeMembers', { conversationId: id, changes: [{ userId: 'bob', role: roles.member }] });
  look(bob);
  look(bob, id);
  await sees(bob, id, ['ann', 'bob', 'cy']);
  for (const client of [ann, bob, cy, eve]) client.cut();
});

test('above the size only the number is sent, and below it the users again', async () => {
  const users = ['u1', 'u2', 'u3', 'u4', 'u5'];
  const id = await server.group(...users);
  const clients = await Promise.all(users.map((user) => looking(user, id)));
  const [first] = clients as [ChatClient];
  await until('five are counted', () => presenceOf(first, id)?.count === 5);
  assert.deepEqual([presenceOf(first, id)?.listed, presenceOf(first, id)?.users], [false, []]);
  for (const client of clients.slice(3)) client.cut();
  await sees(first, id, ['u1', 'u2', 'u3']);
  for (const client of clients) client.cut();
});

test('who has blocked and who is blocked do not see each other; the others see both', async () => {
  const id = await server.group('ann', 'bob', 'mallory');
  const database = new Client({ connectionString: server.databaseUrl });
  await database.connect();
  try {
    const [mallory, bob] = [await looking('mallory', id), await looking('bob', id)];
    await sees(mallory, id, ['bob', 'mallory']);
    await database.query(`INSERT INTO chat_blocks VALUES ('ann', 'mallory')`);
    const ann = await looking('ann', id);
    await sees(bob, id, ['ann', 'bob', 'mallory']);
    await sees(ann, id, ['ann', 'bob']);
    bob.cut();
    await sees(mallory, id, ['mallory']);
    for (const { users, count } of mallory.all('presence')) assert.deepEqual([users.includes('ann'), count], [false, users.length]);
    await sees(ann, id, ['ann']);
    for (const client of [ann, mallory]) client.cut();
  } finally {
    await database.end();
  }
});

test('a client shows four conversations at most, each once', async () => {
  const ids = await Promise.all(Array.from({ length: 5 }, () => server.group('ann')));
  for (const wrong of [ids, [ids[0], ids[0]], ['nothing']]) {
    const client = await server.connect('ann');
    await client.wait('welcome');
    look(client, ...(wrong as string[]));
    await until('the stream has ended', () => client.ended() !== undefined || client.all('closed').length > 0);
    assert.equal(client.all('presence').length, 0);
  }
});
