// What one user may do in a time, and to whom. Rates are so low here that a slow machine refills none of them.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { type ChatServer, kinds, openChatServer, roles, textEntry } from '../support/server/chat-server.ts';

const burst = 10;
let server: ChatServer;
before(async () => {
  const settings = { 'chat.writesPerSecond': 1, 'chat.additionsPerHour': 100, 'live.messagesPerSecond': 1_000 };
  server = await openChatServer({ settings });
});
after(() => server?.close());

const nobody = () => `nobody-${randomUUID()}`;
/** Of internal services, which have no limits: the users are all owners. */
const groupOf = async (...users: readonly string[]): Promise<string> => {
  const members = users.map((userId) => ({ userId, role: roles.owner }));
  return (await server.service('orders', 'Create', { clientId: randomUUID(), kind: kinds.group, title: 'Crew', members })).conversationId;
};

test('of a hundred sends of one member at once some are refused with a reason, and others send as before', async () => {
  const [eve, bob] = [nobody(), nobody()];
  const conversationId = await groupOf(eve, bob);
  const begunAt = performance.now();
  const entries = Array.from({ length: 100 }, (_, n) => textEntry(`${n}`, `m${n}`));
  const results = await Promise.all(entries.map((entry) => server.try(eve, 'Post', { conversationId, entry })));
  const most = burst + (performance.now() - begunAt) / 1_000 + 1;
  const stored = results.filter(({ reason }) => reason === undefined).length;
  assert.ok(stored >= burst && stored <= most, `${stored} were stored`);
  assert.deepEqual(new Set(results.map(({ reason }) => reason)), new Set([undefined, 'MESSAGES_TOO_MANY']));
  for (let n = 0; n < 5; n++) await server.post(bob, conversationId, 'as before');
  const { events } = await server.call(bob, 'GetHistory', { conversationId });
  assert.equal(events.length, 1 + stored + 5);
});

test('on a stream the answer has the reason, and the stream stays open', async () => {
  const [eve, bob] = [nobody(), nobody()];
  const conversationId = await groupOf(eve, bob);
  const stream = await server.connect(eve);
  await stream.wait('caughtUp');
  for (let n = 0; n < 100; n++) stream.send({ case: 'post', value: { conversationId, entry: textEntry(`${n}`) } });
  await stream.wait('posted', 100);
  const refused = stream.all('posted').filter(({ reason }) => reason === 'MESSAGES_TOO_MANY');
  assert.ok(refused.length > 0 && refused.length <= 100 - burst);
  assert.ok(stream.all('posted').every(({ reason, posted }) => (reason === '') === (posted !== undefined)));
  stream.send({ case: 'received', value: { conversationId, deliveredSeq: 1n, readSeq: 1n } });
  await stream.upTo(conversationId, stream.all('posted').filter(({ reason }) => reason === '').length + 1);
  assert.equal(stream.ended(), undefined);
  stream.cut();
});

test('all changes of a user count, by unary calls, and leaving does not', async () => {
  const changes: readonly (readonly [string, Record<string, unknown>])[] = [
    ['Post', { entry: { clientId: 'r', what: { case: 'react', value: { targetSeq: 2n, reaction: '!' } } } }],
    ['ChangeMembers', { changes: [{ userId: nobody(), role: roles.member }] }],
    ['ChangeMembers', { changes: [{ userId: 'not there', role: roles.none }] }],
    ['MarkReceived', { readSeq: 1n }],
    ['MuteConversation', {}],
    ['HideMessage', { seq: 2n }],
    ['CreateConversation', { kind: kinds.group, userIds: [], title: 'x', clientId: 'x' }],
  ];
  for (const [method, { ...request }] of changes) {
    const [eve, bob] = [nobody(), nobody()];
    const conversationId = await groupOf(eve, bob);
    await server.post(bob, conversationId, 'message');
    const all = method === 'CreateConversation' ? request : { conversationId, ...request };
    const results = await Promise.all(Array.from({ length: 50 }, () => server.try(eve, method, all)));
    const refused = results.filter(({ reason }) => reason === 'MESSAGES_TOO_MANY').length;
    assert.ok(refused > 0 && refused <= 50 - burst, `${method}: ${refused} of 50 refused`);
    assert.equal((await server.try(eve, 'LeaveConversation', { conversationId })).reason, undefined, `${method}, and then leave`);
  }
});

test('a user adds so many people in an hour: what changes nothing does not count, and neither does what a service adds', async () => {
  const [eve, bob] = [nobody(), nobody()];
  const people = Array.from({ length: 60 }, nobody);
  const conversationId = await groupOf(eve, bob);
  const change = (role: number, users: readonly string[]) =>
    server.try(eve, 'ChangeMembers', { conversationId, changes: users.map((userId) => ({ userId, role })) });
  const create = (clientId: string, userIds: readonly string[]) =>
    server.try(eve, 'CreateConversation', { kind: kinds.group, userIds, title: 'Crew', clientId });
  const reasons = [
    await change(roles.member, people.slice(0, 30)),
    await change(roles.member, people.slice(0, 30)),
    await create('one', people.slice(0, 30)),
    await create('one', people.slice(0, 30)), // 60 until here
    await create('two', people.slice(0, 50)),
    await create('three', people.slice(0, 40)),
    await change(roles.admin, people.slice(0, 10)),
  ].map(({ reason }) => reason);
  const many = 'ADDITIONS_TOO_MANY';
  assert.deepEqual(reasons, [undefined, undefined, undefined, undefined, many, undefined, many]);
  assert.equal((await server.try(eve, 'ChangeMembers', { conversationId, changes: [{ userId: people[0], role: roles.none }] })).reason, undefined);
  const added = await server.service('orders', 'SetMembers', { conversationId, changes: [{ userId: nobody(), role: roles.member }] });
  assert.ok(added.seq > 0n);
  assert.equal((await server.try(bob, 'CreateConversation', { kind: kinds.direct, userIds: [eve], clientId: '1' })).reason, undefined);
});

test('without conversations about nothing, users reach each other only by a subject', async () => {
  await using strict = await openChatServer({ settings: { 'chat.withoutSubject': false, 'chat.subjects': { open: { open: 'users' } } } });
  const open = async (subject: string) =>
    (await strict.try('ann', 'CreateConversation', { kind: kinds.direct, userIds: ['bob'], clientId: randomUUID(), subject })).reason;
  assert.deepEqual([await open(''), await open('open:1')], ['SUBJECT_FORBIDDEN', undefined]);
});
