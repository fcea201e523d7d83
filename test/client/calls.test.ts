import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CallError } from '../../src/client/call-error.ts';
import { openCalls } from '../../src/client/calls.ts';
import { openOfflineQueue } from '../../src/client/offline-queue.ts';
import { memoryTokenStore, openSession } from '../../src/client/session.ts';
import { RefreshResponse } from '../../src/gen/portico/v1/session.ts';
import { EchoRequest, EchoResponse, ScreenServiceDefinition } from '../fixture/gen/fixture/v1/fixture.ts';
import { type FakeClock, fakeClock, passUntilEnded } from '../support/time/clock.ts';
import { until } from '../support/time/until.ts';
import { failure } from './failure.ts';
import { scriptedTransport } from './scripted-transport.ts';

async function opened(answer: Parameters<typeof scriptedTransport>[0]) {
  const clock = fakeClock();
  const store = memoryTokenStore();
  await store.save({ accessToken: 'a0', refreshToken: 'r0', userId: 'alice', expiresAtMs: clock.nowMs() + 600_000 });
  const { transport, sent } = scriptedTransport(answer);
  const session = openSession({ transport, store, clock, onEnded: () => {} });
  const random = () => 0.5;
  const calls = openCalls({ transport, session, clock, random, headers: { 'accept-language': 'de' } });
  return { calls, clock, sent, queue: openOfflineQueue(calls, clock, random) };
}
const echoed = (text: string, headers: Record<string, string> = {}) => ({
  message: EchoResponse.encode(EchoResponse.fromPartial({ text })).finish(),
  headers,
});
const echo = (calls: Awaited<ReturnType<typeof opened>>['calls'], text = 'hi') =>
  calls.call(ScreenServiceDefinition, 'echo', EchoRequest.fromPartial({ text }));
/** Runs a call whose pauses are those of the fake clock. */
const pausing = <T>(clock: FakeClock, call: Promise<T>) => passUntilEnded(clock, call, 100);

test('a read carries the etag of the answer that is known, and gives that answer where it is current', async () => {
  const { calls, sent } = await opened((_, n) =>
    n === 2 ? { message: Buffer.of(), headers: { 'portico-not-modified': '1' } } : echoed(`answer ${n}`, { etag: `e${n}` }),
  );
  const texts = [await echo(calls), await echo(calls), await echo(calls), await echo(calls, 'other')].map(({ text }) => text);
  assert.deepEqual(texts, ['answer 1', 'answer 1', 'answer 3', 'answer 4']);
  assert.deepEqual(
    sent.map(({ headers }) => headers['if-none-match']),
    [undefined, 'e1', 'e1', undefined],
  );
  calls.clear();
  await echo(calls);
  assert.equal(sent.at(-1)?.headers['if-none-match'], undefined, 'another user asks');
  assert.deepEqual([sent[0]?.method, sent[0]?.headers['accept-language']], ['fixture.v1.ScreenService/Echo', 'de']);
});

test('an answer without an etag is partial, and leaves nothing to compare with', async () => {
  const { calls, sent } = await opened((_, n) => echoed(`answer ${n}`, n === 1 ? { etag: 'e1' } : {}));
  for (let i = 0; i < 3; i++) await echo(calls);
  assert.deepEqual(
    sent.map(({ headers }) => headers['if-none-match']),
    [undefined, 'e1', undefined],
  );
});

test('a refused token is renewed once, and the call is sent again', async () => {
  const { calls, sent } = await opened(({ method, headers }) => {
    if (method.endsWith('/Refresh'))
      return { message: RefreshResponse.encode({ accessToken: 'a1', refreshToken: 'r1', expiresIn: 600 }).finish(), headers: {} };
    return headers.authorization === 'Bearer a0' ? failure('UNAUTHENTICATED', 'TOKEN_EXPIRED') : echoed('yes');
  });
  assert.equal((await echo(calls)).text, 'yes');
  assert.deepEqual(
    sent.map(({ method }) => method.split('/')[1]),
    ['Echo', 'Refresh', 'Echo'],
  );
});

test('a read is tried three times, with growing pauses, and no more', async () => {
  const { calls, clock, sent } = await opened(() => new CallError('UNAVAILABLE', 'no network'));
  const began = clock.nowMs();
  await assert.rejects(pausing(clock, echo(calls)), { code: 'UNAVAILABLE' });
  assert.equal(sent.length, 3);
  assert.ok(clock.nowMs() - began >= 3_000 && clock.nowMs() - began < 3_500, String(clock.nowMs() - began));
});

test('a drained server is asked again at once; one that says how long to wait is obeyed', async () => {
  const { calls, clock, sent } = await opened((_, n) =>
    n === 1 ? failure('UNAVAILABLE', 'DRAINING') : n === 2 ? failure('RESOURCE_EXHAUSTED', 'TOO_MANY', 7) : echoed('yes'),
  );
  const began = clock.nowMs();
  assert.equal((await pausing(clock, echo(calls))).text, 'yes');
  assert.equal(sent.length, 3);
  assert.ok(clock.nowMs() - began >= 7_000, String(clock.nowMs() - began));
});

test('a definite refusal is not tried again', async () => {
  const { calls, sent } = await opened(() => failure('NOT_FOUND', 'ITEM_UNKNOWN'));
  await assert.rejects(echo(calls), { code: 'NOT_FOUND', reason: 'ITEM_UNKNOWN' });
  assert.equal(sent.length, 1);
});

test('writes of an offline app are sent in order, each with one key for all its tries', async () => {
  let online = false;
  const { queue, clock, sent } = await opened(({ request }) => {
    if (!online) return new CallError('UNAVAILABLE', 'no network');
    return Buffer.from(request).toString() === 'bad' ? failure('INVALID_ARGUMENT', 'REQUEST_INVALID') : { message: request, headers: {} };
  });
  const add = (text: string) => queue.add('app.v1.OrderService/PlaceOrder', Buffer.from(text), `key of ${text}`);
  const all = Promise.allSettled(['one', 'bad', 'two'].map(add));
  await until('it is tried again', async () => {
    await clock.advance(1_000);
    return sent.length > 2;
  });
  assert.equal(queue.size, 3);
  assert.ok(
    sent.every(({ headers }) => headers['idempotency-key'] === 'key of one'),
    'the first is tried, the others wait',
  );
  online = true;
  queue.wake();
  const [one, bad, two] = await all;
  assert.deepEqual([one?.status, bad?.status, two?.status], ['fulfilled', 'rejected', 'fulfilled']);
  assert.deepEqual(
    sent.slice(-3).map(({ headers }) => headers['idempotency-key']),
    ['key of one', 'key of bad', 'key of two'],
  );
  assert.equal(queue.size, 0);
});

test('a hundred writes wait at most, and a closed client refuses those that wait', async () => {
  const { queue } = await opened(() => new CallError('UNAVAILABLE', 'no network'));
  const all = Array.from({ length: 100 }, (_, i) => queue.add('app.v1.OrderService/PlaceOrder', Buffer.of(), String(i)));
  await assert.rejects(queue.add('app.v1.OrderService/PlaceOrder', Buffer.of(), 'one more'), { code: 'RESOURCE_EXHAUSTED' });
  const ended = Promise.allSettled(all);
  queue.close();
  assert.ok((await ended).every(({ status }) => status === 'rejected'));
});

test('a call that waits for its retry ends with its session: the next user does not send it', async () => {
  const { calls, clock, sent } = await opened(() => new CallError('UNAVAILABLE', 'no network'));
  const call = echo(calls);
  call.catch(() => {});
  await until('it was tried', () => sent.length === 1);
  calls.clear();
  await assert.rejects(pausing(clock, call), { code: 'CANCELLED' });
  assert.equal(sent.length, 1);
});

test('an answer that comes after its session has ended is neither given nor kept', async () => {
  const late = Promise.withResolvers<ReturnType<typeof echoed>>();
  const { calls, sent } = await opened((_, n) => (n === 1 ? late.promise : echoed('of the next user')));
  const call = echo(calls);
  await until('it was sent', () => sent.length === 1);
  calls.clear();
  late.resolve(echoed('of the user before', { etag: '"1"' }));
  await assert.rejects(call, { code: 'CANCELLED' });
  assert.equal((await echo(calls)).text, 'of the next user');
  assert.equal(sent[1]?.headers['if-none-match'], undefined);
});

test('writes that wait are refused when their session ends, and later ones are sent', async () => {
  let online = false;
  const { queue, clock, sent } = await opened(({ request }) =>
    online ? { message: request, headers: {} } : new CallError('UNAVAILABLE', 'no network'),
  );
  const add = (text: string) => queue.add('app.v1.OrderService/PlaceOrder', Buffer.from(text), `key of ${text}`);
  const before = Promise.allSettled([add('one'), add('two')]);
  await until('it was tried', () => sent.length === 1);
  queue.clear();
  const after = add('three');
  online = true;
  queue.wake();
  assert.deepEqual(
    (await before).map((ended) => ended.status === 'rejected' && (ended.reason as CallError).code),
    ['CANCELLED', 'CANCELLED'],
  );
  assert.equal(Buffer.from(await pausing(clock, after)).toString(), 'three');
  assert.deepEqual(
    sent.map(({ headers }) => headers['idempotency-key']),
    ['key of one', 'key of three'],
  );
});
