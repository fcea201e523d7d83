// Push tokens and pushes of the client of src/client, with a real server: a token lives as long as its session, and what
// is read on one device needs no notification on another.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Client as Database } from 'pg';
import { CallError } from '../../src/client/call-error.ts';
import { searchMessages } from '../../src/client/chat/search.ts';
import { openClient } from '../../src/client/client.ts';
import { nodeTransport } from '../../src/client/node-transport.ts';
import type { PushAction } from '../../src/client/push/step.ts';
import { memoryTokenStore } from '../../src/client/session.ts';
import { ReportReason } from '../../src/gen/portico/v1/safety.ts';
import { SessionServiceDefinition } from '../../src/gen/portico/v1/session.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { type ChatServer, openChatServer } from '../support/server/chat-server.ts';
import { until } from '../support/time/until.ts';

let server: ChatServer;
let database: Database;
const open: { close(): void }[] = [];
before(async () => {
  server = await openChatServer({ settings: { 'push.after': '10m' } });
  database = new Database(server.databaseUrl);
  await database.connect();
});
after(async () => {
  for (const client of open) client.close();
  await database?.end();
  await server?.close();
});

const nameOf = (name: string) => `${name}-${randomUUID()}`;
const fcm = (token: string) => ({ $case: 'fcm', value: { token } }) as const;
const identityOf = (user: string) => ({ identity: { $case: 'dev' as const, value: { user, scopes: [] } } });
const newToken = () => randomUUID().replaceAll('-', '');

function openDevice(tokens = memoryTokenStore()) {
  const actions: PushAction[] = [];
  const client = openClient({
    transport: nodeTransport({ address: `localhost:${new URL(server.url).port}`, ca: Buffer.from(server.ca) }),
    tokens,
    clock: systemClock,
    random: Math.random,
    onPushAction: (action) => actions.push(action),
  });
  open.push(client);
  return { ...client, tokens, actions };
}
async function signedIn(user: string) {
  const device = openDevice();
  await device.session.signIn({ ...identityOf(user), device: { platform: 'ios', name: 'a test', installationId: '' } });
  return device;
}
/** Whose a token is. */
const ownersOf = async (token: string): Promise<readonly string[]> =>
  (await database.query('SELECT user_id FROM push_tokens WHERE token = $1', [token])).rows.map(({ user_id }) => user_id);

test('a token belongs to one session: a new one takes its place, and another user takes it along', async () => {
  const [ann, bob] = [nameOf('ann'), nameOf('bob')];
  const [first, second] = [newToken(), newToken()];
  const device = await signedIn(ann);
  assert.equal(await device.push.register({ token: fcm(first) }), true);
  assert.deepEqual(await ownersOf(first), [ann]);
  await Promise.all([device.push.register({ token: fcm(first) }), device.push.register({ token: fcm(second) })]);
  assert.deepEqual([await ownersOf(first), await ownersOf(second)], [[], [ann]], 'the newest call wins');
  await (await signedIn(bob)).push.register({ token: fcm(second) });
  assert.deepEqual(await ownersOf(second), [bob]);
  await device.push.register({ token: fcm(first) });
  await device.push.drop();
  assert.deepEqual(await ownersOf(first), []);
  await assert.rejects(device.push.register({ token: fcm('') }), (error) => error instanceof CallError && error.reason === 'REQUEST_INVALID');
});

type Signed = Awaited<ReturnType<typeof signedIn>>;
const endings: Readonly<Record<string, (device: Signed, other: Signed) => Promise<unknown>>> = {
  'a sign-out': ({ session }) => session.signOut(),
  'a sign-out before another user signs in': async ({ session }) => {
    await session.signOut();
    await session.signIn({ ...identityOf(nameOf('next')), device: { platform: 'ios', name: 'a test', installationId: '' } });
  },
  'a revocation by another device': async ({ tokens }, { calls }) => {
    const { sid } = JSON.parse(Buffer.from((await tokens.load())?.accessToken.split('.')[1] ?? '', 'base64url').toString());
    await calls.call(SessionServiceDefinition, 'revokeDevice', { sessionId: sid });
  },
};
for (const [name, end] of Object.entries(endings))
  test(`${name} drops the token of that session, and no other`, async () => {
    const user = nameOf('user');
    const [device, other] = [await signedIn(user), await signedIn(user)];
    const [mine, others] = [newToken(), newToken()];
    await device.push.register({ token: fcm(mine) });
    await other.push.register({ token: fcm(others) });
    await end(device, other);
    assert.deepEqual([await ownersOf(mine), await ownersOf(others)], [[], [user]]);
  });

test('whoever is signed out when the process starts is shown nothing that is still pushed', async () => {
  const device = openDevice();
  const data = { kind: 'message', conversation_id: randomUUID(), seq: '4' };
  device.push.dispatch({ type: 'pushed', data });
  await until('it is known', () => device.actions.length > 0);
  assert.deepEqual(device.actions, [{ do: 'removeAll' }, { do: 'badge', count: 0 }]);
});

test('a push connects the chat; what is read on another device removes the notification, and the badge follows', async () => {
  const [ann, bob] = [nameOf('ann'), nameOf('bob')];
  const conversationId = await server.group(ann, bob);
  const { seq } = await server.post(ann, conversationId, 'at your door');
  const device = await signedIn(bob);
  const data = { kind: 'message', conversation_id: conversationId, seq: `${seq}`, badge: '1' };
  device.push.dispatch({ type: 'pushed', data });
  await until('it is shown', () => device.actions.some((action) => action.do === 'show'));
  await until('the chat is live', () => device.chat.state.phase === 'live', 30_000);
  assert.ok(device.chat.state.conversations.get(conversationId)?.events.some((event) => event.seq === BigInt(seq)));
  assert.deepEqual(device.actions.filter((action) => action.do === 'badge').at(-1), { do: 'badge', count: 1 });
  const tablet = await signedIn(bob);
  tablet.chat.dispatch({ type: 'start' });
  await until('the tablet is live', () => tablet.chat.state.phase === 'live', 30_000);
  tablet.chat.dispatch({ type: 'read', conversationId, seq: BigInt(seq) });
  await until('it is removed', () => device.actions.some((action) => action.do === 'remove'), 30_000);
  await until('the badge is 0', () => device.actions.some((action) => action.do === 'badge' && action.count === 0), 30_000);
  device.push.dispatch({ type: 'pushed', data });
  assert.equal(device.actions.filter((action) => action.do === 'show').length, 1, 'a late push of it is not shown');
});

test('a user blocks and reports, and searches a conversation page by page', async () => {
  const [ann, bob] = [nameOf('ann'), nameOf('bob')];
  const conversationId = await server.group(ann, bob);
  for (let n = 1; n <= 60; n++) await server.post(bob, conversationId, n % 2 === 0 ? `parcel number ${n}` : 'nothing');
  const device = await signedIn(ann);
  const found = async (query: string) => {
    const texts: string[] = [];
    for await (const events of searchMessages(device.calls, { conversationId, query }))
      for (const { what } of events) if (what?.$case === 'message') texts.push(what.value.content?.text ?? '');
    return texts;
  };
  assert.deepEqual(await found('"number 42"'), ['parcel number 42']);
  assert.deepEqual((await found('parcel')).length, 30);
  await assert.rejects(found('!'), (error) => error instanceof CallError && error.reason === 'REQUEST_INVALID');

  const report = { conversationId, seq: 2n, reason: ReportReason.REPORT_REASON_SPAM, comment: '' };
  await assert.rejects(device.safety.report(report), (error) => error instanceof CallError && error.reason === 'REPORTS_OFF');
  await device.safety.block(bob);
  assert.deepEqual(
    (await device.safety.blocked()).map(({ userId }) => userId),
    [bob],
  );
  assert.deepEqual(await found('parcel'), []);
  await device.safety.unblock(bob);
  assert.deepEqual(await device.safety.blocked(), []);
});
