// Notices of internal services and screens, by a whole server to a server that answers as FCM.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import { Client } from 'pg';
import { type StreamContext, stream } from '../../src/core/screen/hand-written-stream.ts';
import { openFixture } from '../fixture/app.ts';
import { HandWrittenServiceDefinition } from '../fixture/gen/fixture/v1/fixture.ts';
import { callOf, keptTransports, protocols, signIn } from '../support/client/protocols.ts';
import { type FcmServer, openFcmServer } from '../support/push/fcm-server.ts';
import { chatRegistry } from '../support/server/chat-server.ts';
import { type FixtureServer, openFixtureServer } from '../support/server/fixture-server.ts';
import { openTestServer, type TestServer } from '../support/server/test-server.ts';
import { until } from '../support/time/until.ts';

const method = 'portico.internal.v1.PublisherService/Notify';
const transports = keptTransports();
let fcm: FcmServer;
let server: FixtureServer;
const pushing = () => ({ 'push.provider': 'platforms', 'push.fcm.account': fcm.account, 'push.fcm.url': fcm.url });
before(async () => {
  fcm = await openFcmServer();
  server = await openFixtureServer({ settings: pushing() });
});
after(async () => {
  await server?.close();
  await fcm?.close();
});
beforeEach(() => {
  server.fixture.switches.onChange = () => {};
});

const insideOf = (on: TestServer) => ({ url: on.internalUrl, ca: on.ca });
async function notify(request: Record<string, unknown>, { by = 'orders', on = server, protocol = 'grpc h2' as (typeof protocols)[number] } = {}) {
  const headers = { authorization: `Bearer ${await on.portico.serviceToken(by, 60_000)}` };
  const { messages, reason } = await callOf(chatRegistry, transports(protocol, insideOf(on)), method, request, { headers });
  return reason ?? Number(messages[0]?.devices ?? 0);
}
/** Signs a user in on a phone with a token. */
async function phone(user: string, on: TestServer = server) {
  const { headers } = await signIn(on, chatRegistry, user);
  const token = randomUUID().repeat(2);
  const request = { token: { case: 'fcm', value: { token } } };
  const { code } = await callOf(chatRegistry, transports('grpc h2', on), 'portico.v1.DeviceService/RegisterPushToken', request, { headers });
  assert.equal(code, 0);
  return { token, headers };
}
const dataTo = (...tokens: readonly string[]) => fcm.accepted.filter(({ token }) => tokens.includes(token)).map(({ data }) => data);
/** Notices in the database, of a user or of all. */
async function noticesOf(userId: string, on: TestServer = server): Promise<number> {
  const client = new Client(on.databaseUrl);
  await client.connect();
  const { rows } = await client.query('SELECT FROM push_notices WHERE user_id = $1', [userId]);
  await client.end();
  return rows.length;
}

for (const protocol of protocols)
  test(`${protocol}: a service notifies all devices of a user, once for its id, and nobody else`, async () => {
    const user = `ann-${randomUUID()}`;
    const [one, two, other] = [await phone(user), await phone(user), await phone(`bob-${randomUUID()}`)];
    const notice = { userId: user, title: 'Your parcel', body: 'is here', data: { order: '42' }, collapseId: 'order:42', expire: '90s' };
    for (let n = 0; n < 3; n++) assert.equal(await notify({ ...notice, requestId: 'r1' }, { protocol }), 2);
    assert.equal(await notify({ ...notice, requestId: 'r1', title: 'of another service' }, { by: 'couriers', protocol }), 2);
    await until('both are pushed both', () => dataTo(one.token, two.token).length === 4);
    const expected = { kind: 'notice', badge: '0', data: '{"order":"42"}', tag: 'order:42', body: 'is here' };
    assert.deepEqual(
      dataTo(two.token).sort((a, b) => (a.title < b.title ? -1 : 1)),
      [
        { ...expected, title: 'Your parcel' },
        { ...expected, title: 'of another service' },
      ],
    );
    assert.deepEqual(dataTo(other.token), []);
    const { android } = fcm.accepted.find(({ token }) => token === one.token);
    assert.ok(Number.parseInt(android.ttl, 10) <= 90);
  });

const valid = { userId: 'hostile', requestId: 'r', title: 'x' };
const invalid: Readonly<Record<string, Record<string, unknown>>> = {
  'no user': { userId: '' },
  'a user id that is too long': { userId: 'u'.repeat(201) },
  'a user id with U+0000': { userId: 'u\0' },
  'a request id that is too long': { requestId: 'r'.repeat(101) },
  'a title that is too long': { title: 't'.repeat(299) },
  'a title that is too long as JSON': { title: '\u0001'.repeat(60) },
  'a title with U+0000': { title: 'a\0' },
  'a body that is too long': { body: 'b'.repeat(999) },
  'a body that is too long in UTF-8': { body: '\u{1f600}'.repeat(250) },
  'data that are too long': { data: { k: 'v'.repeat(800) } },
  'data with a key that is too long': { data: { ['k'.repeat(800)]: '' } },
  'data that are too long with their quotes': { data: { k: '"'.repeat(220) } },
  'too many data': { data: Object.fromEntries(Array.from({ length: 101 }, (_, n) => [n, ''])) },
  'data with U+0000': { data: { k: '\0' } },
  'a key with U+0000': { data: { '\0': 'v' } },
  'a collapse id with a line break': { collapseId: 'a\r\nx: y' },
  'a collapse id that is too long': { collapseId: 'c'.repeat(65) },
  'a collapse id of another script': { collapseId: 'ä' },
  'a time that is none': { expire: 'soon' },
  'no time at all': { expire: '0s' },
  'a time below a second': { expire: '999ms' },
  'a time beyond four weeks': { expire: '673h' },
  'a negative time': { expire: '-5m' },
};
for (const [name, more] of Object.entries(invalid))
  test(`refused: a notice with ${name}`, async () => {
    assert.equal(await notify({ ...valid, ...more }), 'REQUEST_INVALID');
    assert.equal(await noticesOf('hostile'), 0);
  });

test('names of JavaScript are ordinary names of data', async () => {
  const { token } = await phone('proto');
  const data = JSON.parse('{"__proto__":"1","constructor":"2"}');
  assert.equal(await notify({ userId: 'proto', title: 'x', data }), 1);
  await until('it is pushed', () => dataTo(token).length === 1);
  assert.deepEqual(JSON.parse(dataTo(token)[0].data), data);
});

test('a user without a device costs a row only where a repeat has to be known', async () => {
  const user = `cy-${randomUUID()}`;
  assert.deepEqual([await notify({ userId: user, title: 'x' }), await noticesOf(user)], [0, 0]);
  assert.deepEqual([await notify({ userId: user, title: 'x', requestId: '1' }), await noticesOf(user)], [0, 1]);
});

test('whoever is no service notifies nobody', async () => {
  const { headers } = await signIn(server, chatRegistry, 'mallory');
  for (const [with_, reason] of [
    [headers, 'SERVICE_ONLY'],
    [{}, 'TOKEN_MISSING'],
  ] as const)
    assert.equal((await callOf(chatRegistry, transports('grpc h2', insideOf(server)), method, valid, { headers: with_ })).reason, reason);
});

test('a screen notifies by its context, once for its id', async () => {
  const user = `dora-${randomUUID()}`;
  const { token, headers } = await phone(user);
  server.fixture.switches.onChange = async ({ itemId, title, notify }) => {
    assert.equal(await notify(user, { title, data: { item: itemId }, requestId: itemId, expireMs: 60_000 }), 1);
  };
  const change = async () => {
    const request = { itemId: '7', title: 'New title' };
    return (await callOf(chatRegistry, transports('grpc h2', server), 'fixture.v1.ScreenService/ChangeItem', request, { headers })).code;
  };
  for (let n = 0; n < 2; n++) assert.equal(await change(), 0);
  await notify({ userId: user, title: 'the last', requestId: '7' });
  await until('the last is pushed', () => dataTo(token).some(({ title }) => title === 'the last'));
  assert.equal(dataTo(token).length, 2);
});

test('a screen whose notice is refused fails with the field, also for half a character, which no request can have', async () => {
  const { headers } = await signIn(server, chatRegistry, 'erin');
  for (const [notice, field] of [
    [{ title: '\ud800' }, 'title'],
    [{ data: { '\udc00': '' } }, 'data'],
    [{ collapseId: 'ä' }, 'collapse_id'],
    [{ expireMs: Number.NaN }, 'expire'],
    [{ body: 'b'.repeat(999) }, 'body'],
  ] as const) {
    server.fixture.switches.onChange = async ({ notify }) => void (await notify('erin', notice));
    const request = { itemId: '7', title: 'x' };
    const { reason, message } = await callOf(chatRegistry, transports('grpc h2', server), 'fixture.v1.ScreenService/ChangeItem', request, {
      headers,
    });
    assert.equal(reason, 'REQUEST_INVALID');
    assert.match(message ?? '', new RegExp(`: ${field} `));
  }
});

test('a stream that is written by hand notifies by its context', async () => {
  const { app } = openFixture();
  const notifies = stream(HandWrittenServiceDefinition, 'collect', async (_requests, { notify, caller }: StreamContext) => {
    assert.equal(await notify(caller?.userId ?? '', { title: 'collected' }), 1);
    return {};
  });
  const screens = app.screens.map((screen) => (screen.method === notifies.method ? notifies : screen));
  await using own = await openTestServer({ app: { ...app, screens }, samples: { scripted: '127.0.0.1:1' }, settings: pushing() });
  const { token, headers } = await phone('finn', own);
  const { code } = await callOf(chatRegistry, transports('grpc h2', own), 'fixture.v1.HandWrittenService/Collect', [{ text: 'a' }], { headers });
  assert.equal(code, 0);
  await until('it is pushed', () => dataTo(token).length === 1);
});

test('a server that pushes nothing notifies nobody, keeps no row, and still refuses what is wrong', async () => {
  await using off = await openFixtureServer({ settings: { 'push.provider': 'off' } });
  assert.deepEqual([await notify(valid, { on: off }), await noticesOf(valid.userId, off)], [0, 0]);
  assert.equal(await notify({ ...valid, body: 'b'.repeat(999) }, { on: off }), 'REQUEST_INVALID');
});
