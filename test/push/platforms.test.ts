// Each answer of a platform, with what becomes of the push and of its token.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { sql } from 'kysely';
import { nameOf, pushActs, tokenOf } from '../contracts/push-harness.ts';
import { type ApnsAnswer, openApnsServer } from '../support/push/apns-server.ts';
import type { FcmAnswer } from '../support/push/fcm-server.ts';
import { openPushWorld, type PushWorld, type Waiting } from '../support/push/push-worker.ts';
import { until } from '../support/time/until.ts';

let world: PushWorld;
let act: ReturnType<typeof pushActs>;
before(async () => {
  world = await openPushWorld();
  act = pushActs(world);
});
after(() => world?.close());
beforeEach(async () => {
  await sql`TRUNCATE chat_outbox, push_queue, push_notices, push_tokens, push_shown`.execute(world.sql.db);
});

/** One message to a device of a user. */
async function oneMessage(provider: 'apns' | 'fcm') {
  const [ann, bob] = [nameOf('ann'), nameOf('bob')];
  const device = await act.device(bob, tokenOf(provider));
  const id = await act.group(ann, bob);
  const seq = await act.say(ann, id);
  return { device, id, seq };
}
const minute = 60_000;

/** What the database has afterwards. `late`: the least time until it is due again. */
type Expected = { readonly token: boolean; readonly waits: false | { readonly attempts: number; readonly repeats: number; readonly lateMs: number } };
const sent: Expected = { token: true, waits: false };
const dropped: Expected = { token: true, waits: false };
const pruned: Expected = { token: false, waits: false };
const again = (lateMs: number, more: { readonly attempts?: number; readonly repeats?: number } = {}): Expected => ({
  token: true,
  waits: { attempts: 1, repeats: 0, lateMs, ...more },
});
/** Nothing is wrong with this push: its platform takes none. */
const allWait = again(0, { attempts: 0 });

async function expect({ token, waits }: Expected, what: string) {
  let waiting: readonly Waiting[] = [];
  await until(`${what}: a result is recorded`, async () => {
    waiting = await world.waiting();
    return waiting.every(({ leased }) => !leased);
  });
  const [push] = waiting;
  if (waits === false) assert.deepEqual(waiting, [], what);
  else {
    assert.deepEqual([push?.attempts, push?.repeats], [waits.attempts, waits.repeats], what);
    assert.ok((push?.due_in_ms ?? 0) > waits.lateMs - 2_000, `${what}: due in ${push?.due_in_ms} ms`);
  }
  assert.equal(await world.tokenCount(), token ? 1 : 0, what);
}

const apns: Readonly<Record<string, { readonly answer: () => ApnsAnswer; readonly left: Expected }>> = {
  '200': { answer: () => ({ status: 200 }), left: sent },
  '410, dead since now': { answer: () => ({ status: 410, reason: 'Unregistered', timestamp: Date.now() + minute }), left: pruned },
  '410, dead before it was registered': {
    answer: () => ({ status: 410, reason: 'Unregistered', timestamp: Date.now() - minute }),
    left: again(minute),
  },
  '410 without a time': { answer: () => ({ status: 410, reason: 'ExpiredToken' }), left: pruned },
  '410 with a time that is none': { answer: () => ({ status: 410, body: '{"reason":"Unregistered","timestamp":"yesterday"}' }), left: pruned },
  '400 BadDeviceToken': { answer: () => ({ status: 400, reason: 'BadDeviceToken' }), left: pruned },
  '400 DeviceTokenNotForTopic': { answer: () => ({ status: 400, reason: 'DeviceTokenNotForTopic' }), left: dropped },
  '400 for another reason': { answer: () => ({ status: 400, reason: 'BadTopic' }), left: dropped },
  '400 IdleTimeout': { answer: () => ({ status: 400, reason: 'IdleTimeout' }), left: again(0) },
  '403 InvalidProviderToken': { answer: () => ({ status: 403, reason: 'InvalidProviderToken' }), left: allWait },
  '403 ExpiredProviderToken, of a token that was just made': { answer: () => ({ status: 403, reason: 'ExpiredProviderToken' }), left: allWait },
  '413': { answer: () => ({ status: 413, reason: 'PayloadTooLarge' }), left: dropped },
  '429 TooManyRequests': { answer: () => ({ status: 429, reason: 'TooManyRequests' }), left: again(1_000) },
  '429 with Retry-After': { answer: () => ({ status: 429, reason: 'TooManyRequests', headers: { 'retry-after': '600' } }), left: again(10 * minute) },
  '429 TooManyProviderTokenUpdates': { answer: () => ({ status: 429, reason: 'TooManyProviderTokenUpdates' }), left: allWait },
  '500': { answer: () => ({ status: 500, reason: 'InternalServerError' }), left: again(15 * minute) },
  '503 with a Retry-After that is a date': {
    answer: () => ({ status: 503, reason: 'ServiceUnavailable', headers: { 'retry-after': new Date(Date.now() + 30 * minute).toUTCString() } }),
    left: again(29 * minute),
  },
  '503 with a Retry-After of years': { answer: () => ({ status: 503, headers: { 'retry-after': '999999999' } }), left: again(60 * minute) },
  '503 whose JSON is none': { answer: () => ({ status: 503, body: '<html>' }), left: again(15 * minute) },
  '400 whose JSON is a list': { answer: () => ({ status: 400, body: '[1]' }), left: dropped },
  'a redirect': { answer: () => ({ status: 302, headers: { location: 'http://example.com/' } }), left: again(0, { repeats: 1 }) },
  'an answer without an end': { answer: () => (stream) => void stream.respond({ ':status': 200 }), left: again(0, { repeats: 1 }) },
  'no answer in time': { answer: () => () => {}, left: again(0, { repeats: 1 }) },
  'a stream that is reset': { answer: () => (stream) => stream.close(2), left: again(0, { repeats: 1 }) },
  'a stream that is refused unprocessed': { answer: () => (stream) => stream.close(7), left: sent },
  'a connection that ends': { answer: () => (_, session) => session.destroy(), left: again(0, { repeats: 1 }) },
  'GOAWAY that may have taken the push': {
    answer: () => (stream, session) => {
      session.goaway(0, stream.id);
      session.ping(() => session.destroy()); // answered: it has come
    },
    left: again(0, { repeats: 1 }),
  },
};
for (const [name, { answer, left }] of Object.entries(apns))
  test(`APNs answers ${name}`, async () => {
    world.apns.answer(answer());
    const before = world.apns.received.length;
    await oneMessage('apns');
    await using worker = world.start({ limits: { timeoutMs: /no answer|without an end/.test(name) ? 300 : 20_000 } });
    await until('it was asked', () => world.apns.received.length > before);
    await expect(left, name);
    await worker.close();
  });

const fcm: Readonly<Record<string, { readonly answer: () => FcmAnswer; readonly left: Expected }>> = {
  '200': { answer: () => ({ status: 200 }), left: sent },
  '404 UNREGISTERED': { answer: () => ({ status: 404, code: 'NOT_FOUND', own: 'UNREGISTERED', message: 'NotRegistered' }), left: pruned },
  '404 for a project that there is not': { answer: () => ({ status: 404, code: 'NOT_FOUND' }), left: allWait },
  '400 for a token that is none': {
    answer: () => ({
      status: 400,
      code: 'INVALID_ARGUMENT',
      own: 'INVALID_ARGUMENT',
      message: 'The registration token is not a valid FCM registration token',
    }),
    left: pruned,
  },
  '400 for a token that is none, naming its field': {
    answer: () => ({
      status: 400,
      code: 'INVALID_ARGUMENT',
      own: 'INVALID_ARGUMENT',
      field: 'message.token',
      message: 'Request contains an invalid argument.',
    }),
    left: pruned,
  },
  '400 for a field, whatever its text says': {
    answer: () => ({ status: 400, code: 'INVALID_ARGUMENT', field: 'message.android.ttl', message: 'Invalid value beside a registration token' }),
    left: dropped,
  },
  '400 for a field': {
    answer: () => ({ status: 400, code: 'INVALID_ARGUMENT', field: 'message.data[0].value', message: 'Invalid value' }),
    left: dropped,
  },
  '401 UNAUTHENTICATED, with every token': { answer: () => ({ status: 401, code: 'UNAUTHENTICATED' }), left: allWait },
  '401 THIRD_PARTY_AUTH_ERROR': { answer: () => ({ status: 401, code: 'UNAUTHENTICATED', own: 'THIRD_PARTY_AUTH_ERROR' }), left: dropped },
  '403 SENDER_ID_MISMATCH': { answer: () => ({ status: 403, code: 'PERMISSION_DENIED', own: 'SENDER_ID_MISMATCH' }), left: dropped },
  '403 PERMISSION_DENIED': { answer: () => ({ status: 403, code: 'PERMISSION_DENIED' }), left: allWait },
  '429 QUOTA_EXCEEDED of the project': {
    answer: () => ({ status: 429, code: 'RESOURCE_EXHAUSTED', own: 'QUOTA_EXCEEDED' }),
    left: again(minute, { attempts: 0 }),
  },
  '429 QUOTA_EXCEEDED of the device, with Retry-After': {
    answer: () => ({ status: 429, own: 'QUOTA_EXCEEDED', message: 'Device message rate exceeded', headers: { 'retry-after': '300' } }),
    left: again(5 * minute),
  },
  '500': { answer: () => ({ status: 500, code: 'INTERNAL', own: 'INTERNAL' }), left: again(1_000) },
  '503 with Retry-After': {
    answer: () => ({ status: 503, own: 'UNAVAILABLE', headers: { 'retry-after': '120' } }),
    left: again(2 * minute, { attempts: 0 }),
  },
  '503 whose JSON is none': { answer: () => ({ status: 503, body: '<html>' }), left: allWait },
  '400 whose JSON is null': { answer: () => ({ status: 400, body: 'null' }), left: dropped },
  '500 whose JSON has no end': { answer: () => ({ status: 500, body: '{"error":{"status":"UNREG' }), left: again(1_000) },
  'a redirect': { answer: () => ({ status: 302, headers: { location: 'http://example.com/' } }), left: again(0, { repeats: 1 }) },
  'no answer in time': { answer: () => () => {}, left: again(0, { repeats: 1 }) },
  'a connection that ends': { answer: () => (response) => void response.destroy(), left: again(0, { repeats: 1 }) },
  'more than an answer has': { answer: () => (response) => void response.end('x'.repeat(1_000_000)), left: again(0, { repeats: 1 }) },
};
for (const [name, { answer, left }] of Object.entries(fcm))
  test(`FCM answers ${name}`, async () => {
    if (name.includes('every token')) world.fcm.answerBy(answer);
    else world.fcm.answer(answer());
    const before = world.fcm.received.length;
    await oneMessage('fcm');
    await using worker = world.start({ limits: { timeoutMs: /no answer/.test(name) ? 300 : 20_000 } });
    await until('it was asked', () => world.fcm.received.length > before);
    await expect(left, name);
    await worker.close();
  });

test('an access token that FCM does not know any more is replaced at once', async () => {
  world.fcm.answer();
  await oneMessage('fcm');
  await using worker = world.start();
  await until('one is sent', async () => (await world.undone()) === 0);
  world.fcm.forgetTokens();
  const given = world.fcm.tokens();
  await oneMessage('fcm');
  await until('another is sent', async () => (await world.undone()) === 0);
  assert.equal(world.fcm.tokens(), given + 1);
  await worker.close();
});

const noTokens: Readonly<Record<string, FcmAnswer>> = {
  'refuses the account': { status: 400, body: '{"error":"invalid_grant"}' },
  'answers with a page': { status: 200, body: '<html>' },
  'answers without a token': { status: 200, body: '{"expires_in":3600}' },
  'answers with a token that breaks a header': { status: 200, body: '{"access_token":"a\\r\\nb","expires_in":3600}' },
  'ends the connection': (response) => void response.destroy(),
  'answers with null': { status: 200, body: 'null' },
};
for (const [name, answer] of Object.entries(noTokens))
  test(`pushes wait while the server of access tokens ${name}`, async () => {
    world.fcm.answer();
    world.fcm.answerTokens(answer);
    const before = world.fcm.received.length;
    await oneMessage('fcm');
    await using worker = world.start();
    await until('the platform is left alone', () => worker.lines.some(({ message }) => message === 'A platform takes no pushes.'));
    await expect(allWait, name);
    assert.equal(world.fcm.received.length, before);
    await worker.close();
  });

test('pushes above the last stream of a GOAWAY are sent on another connection, at once and once', async () => {
  const opened = world.apns.connections();
  const [ann, bob] = [nameOf('ann'), nameOf('bob')];
  await act.device(bob, tokenOf('apns'));
  const id = await act.group(ann, bob);
  await using worker = world.start();
  world.apns.answer();
  await act.say(ann, id);
  await until('the connection is used', async () => world.apns.accepted.at(-1)?.payload.portico.seq === '2' && (await world.undone()) === 0);
  world.apns.answer((_, session) => {
    session.goaway(0, 1);
    session.ping(() => session.destroy()); // answered: it has come
  });
  await act.say(ann, id);
  await until('it is sent', async () => world.apns.accepted.at(-1)?.payload.portico.seq === '3' && (await world.undone()) === 0);
  assert.deepEqual([world.apns.connections() - opened, worker.counts('portico.push.sent later'), worker.counts('portico.push.repeated')], [2, 0, 0]);
  await worker.close();
});

test('a platform that cannot be reached is asked again after a while, and the push is sent', async () => {
  await using gone = await openApnsServer();
  const { url } = gone;
  await gone.close();
  await oneMessage('apns');
  await using worker = world.start({ apnsUrl: url });
  await until('the platform is left alone', () => worker.lines.some(({ message }) => message === 'A platform takes no pushes.'));
  await expect(allWait, 'nobody is there');
  await worker.close();
  await using next = world.start();
  await world.elapse();
  await until('it is sent', async () => (await world.undone()) === 0);
  assert.equal(next.counts('portico.push.repeated'), 0);
  await next.close();
});
