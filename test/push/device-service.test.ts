// Push tokens as apps register them, and what is refused.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client } from 'pg';
import { callOf, type ProtocolName, signIn, transportOf } from '../support/client/protocols.ts';
import { chatCalls, chatRegistry } from '../support/server/chat-server.ts';
import { type FixtureServer, openFixtureServer } from '../support/server/fixture-server.ts';

let server: FixtureServer;
before(async () => {
  server = await openFixtureServer();
});
after(() => server?.close());

async function connect(url: string) {
  const client = new Client(url);
  await client.connect();
  return {
    count: async (table: string) => Number((await client.query(`SELECT count(*) FROM ${table}`)).rows[0].count),
    [Symbol.asyncDispose]: () => client.end(),
  };
}

async function call(method: string, request: Record<string, unknown>, protocol: ProtocolName = 'grpc h2', on: FixtureServer = server) {
  const { headers } = await signIn(on, chatRegistry, 'ann');
  return callOf(chatRegistry, transportOf(protocol, on), `portico.v1.DeviceService/${method}`, request, { headers });
}
const apns = (value: Record<string, unknown>) => ({ token: { case: 'apns', value: { token: 'ab'.repeat(32), ...value } } });
const fcm = (token: string) => ({ token: { case: 'fcm', value: { token } } });
const quiet = (more: Record<string, unknown>) => ({
  ...apns({}),
  quietHours: { timeZone: 'Europe/Berlin', fromMinute: 1_320, toMinute: 420, ...more },
});

test('a device registers its token, replaces it and drops it, by every protocol', async () => {
  for (const protocol of ['grpc h2', 'grpc-web h1', 'connect h2', 'json h1'] as const) {
    for (const request of [apns({}), apns({ token: 'AB'.repeat(80), sandbox: true }), fcm(`c1:${'A-_'.repeat(50)}`), quiet({})])
      assert.equal((await call('RegisterPushToken', request, protocol)).code, 0);
    assert.equal((await call('DropPushToken', {}, protocol)).code, 0);
    assert.equal((await call('DropPushToken', {}, protocol)).code, 0, 'as often as it likes');
  }
});

const invalid: Readonly<Record<string, Record<string, unknown>>> = {
  'no token': {},
  'an empty one': apns({ token: '' }),
  'no hexadecimal digits': apns({ token: 'xy'.repeat(32) }),
  'half a byte': apns({ token: 'abc'.repeat(11) }),
  'another path': apns({ token: `../../3/device/${'ab'.repeat(32)}` }),
  'a line break': apns({ token: `${'ab'.repeat(32)}\n` }),
  'a token that is too long': apns({ token: 'ab'.repeat(129) }),
  'a topic with a line break': apns({ topic: 'com.example\r\nx: y' }),
  'a token of Firebase with a space': fcm(`${'a'.repeat(40)} b`),
  'a token of Firebase that is too long': fcm('a'.repeat(4_097)),
  'a token of Firebase with a character of another script': fcm('ä'.repeat(40)),
  'a device name that is too long': { ...apns({}), device: 'd'.repeat(101) },
  'a device name with U+0000': { ...apns({}), device: 'd\u0000' },
  'no time zone': quiet({ timeZone: '' }),
  'a time zone that there is not': quiet({ timeZone: 'Europe/Atlantis' }),
  'a time zone that is a path': quiet({ timeZone: '../../etc/passwd' }),
  'a minute after midnight': quiet({ fromMinute: 1_440 }),
};
for (const [name, request] of Object.entries(invalid))
  test(`refused: ${name}`, async () => {
    assert.equal((await call('RegisterPushToken', request)).reason, 'REQUEST_INVALID');
  });

test('whoever is not signed in registers nothing', async () => {
  const outcome = await callOf(chatRegistry, transportOf('grpc h2', server), 'portico.v1.DeviceService/RegisterPushToken', apns({}));
  assert.equal(outcome.reason, 'TOKEN_MISSING');
});

test('a server that pushes nothing says so, and messages cost it no row', async () => {
  await using off = await openFixtureServer({ settings: { 'push.provider': 'off' } });
  for (const request of [apns({}), fcm('a'.repeat(40))]) assert.equal((await call('RegisterPushToken', request, 'grpc h2', off)).reason, 'PUSH_OFF');
  assert.equal((await call('DropPushToken', {}, 'grpc h2', off)).code, 0);
  const chat = chatCalls(off);
  await chat.post('ann', await chat.group('ann', 'bob'), 'hello');
  await using database = await connect(off.databaseUrl);
  assert.equal(await database.count('chat_outbox'), 0);
});
