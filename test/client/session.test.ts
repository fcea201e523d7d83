import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CallError } from '../../src/client/call-error.ts';
import { memoryTokenStore, openSession } from '../../src/client/session.ts';
import { RefreshRequest, RefreshResponse, SignInRequest, SignInResponse } from '../../src/gen/portico/v1/session.ts';
import { fakeClock } from '../support/time/clock.ts';
import { failure } from './failure.ts';
import { scriptedTransport } from './scripted-transport.ts';

const refreshed = (n: number) => ({
  message: RefreshResponse.encode({ accessToken: `a${n}`, refreshToken: `r${n}`, expiresIn: 600 }).finish(),
  headers: {},
});

async function opened(answer: Parameters<typeof scriptedTransport>[0], expiresInMs = 600_000) {
  const clock = fakeClock();
  const store = memoryTokenStore();
  await store.save({ accessToken: 'a0', refreshToken: 'r0', userId: 'alice', expiresAtMs: clock.nowMs() + expiresInMs });
  const { transport, sent } = scriptedTransport(answer);
  const ended: string[] = [];
  const session = openSession({ transport, store, clock, onEnded: (reason) => ended.push(reason) });
  return { session, store, sent, ended, clock };
}

test('a token that lasts is used as it is; one that is about to end is refreshed first', async () => {
  const { session, clock, sent } = await opened((_, n) => refreshed(n));
  assert.equal(await session.accessToken(), 'a0');
  await clock.advance(580_000);
  assert.equal(await session.accessToken(), 'a1');
  assert.equal(sent.length, 1);
});

test('however many calls need a new token, one refresh is sent, and the next one carries its successor', async () => {
  const { session, sent } = await opened((_, n) => refreshed(n));
  assert.deepEqual(await Promise.all(Array.from({ length: 20 }, () => session.renew('a0'))), Array(20).fill('a1'));
  assert.equal(await session.renew('a0'), 'a1', 'refused late: the successor is there already');
  assert.equal(await session.renew('a1'), 'a2');
  assert.deepEqual(
    sent.map(({ request }) => RefreshRequest.decode(request).refreshToken),
    ['r0', 'r1'],
  );
});

test('a refresh without an answer signs nobody out, and is sent again with the same token', async () => {
  const { session, sent, ended, store } = await opened((_, n) => (n < 3 ? new CallError('UNAVAILABLE', 'no network') : refreshed(n)));
  await assert.rejects(session.renew('a0'), { code: 'UNAVAILABLE' });
  await assert.rejects(session.renew('a0'), { code: 'UNAVAILABLE' });
  assert.equal((await store.load())?.refreshToken, 'r0');
  assert.equal(await session.renew('a0'), 'a3');
  assert.deepEqual([sent.length, ended], [3, []]);
});

test('a refresh that cannot be stored is no refresh: the old token is sent again', async () => {
  const { transport, sent } = scriptedTransport((_, n) => refreshed(n));
  const clock = fakeClock();
  let broken = true;
  const kept = memoryTokenStore();
  await kept.save({ accessToken: 'a0', refreshToken: 'r0', userId: 'alice', expiresAtMs: clock.nowMs() });
  const store = {
    load: kept.load,
    save: async (tokens: Parameters<typeof kept.save>[0]) => (broken ? Promise.reject(new Error('full')) : kept.save(tokens)),
  };
  const session = openSession({ transport, store, clock, onEnded: () => {} });
  await assert.rejects(session.accessToken(), { message: 'full' });
  broken = false;
  assert.equal(await session.accessToken(), 'a2');
  assert.deepEqual(
    sent.map(({ request }) => RefreshRequest.decode(request).refreshToken),
    ['r0', 'r0'],
  );
});

for (const reason of ['REFRESH_TOKEN_INVALID', 'REFRESH_TOKEN_REUSED', 'SESSION_REVOKED'])
  test(`${reason} ends the session: its tokens are deleted, and the app is notified once`, async () => {
    const { session, ended, store } = await opened(() => failure('UNAUTHENTICATED', reason));
    await Promise.allSettled([session.renew('a0'), session.renew('a0')]);
    assert.deepEqual([ended, await store.load()], [[reason], undefined]);
    await assert.rejects(session.accessToken(), { code: 'UNAUTHENTICATED' });
  });

for (const [code, reason] of [
  ['UNAVAILABLE', 'STORAGE_DOWN'],
  ['INTERNAL', 'INTERNAL'],
  ['UNAUTHENTICATED', ''],
  ['PERMISSION_DENIED', 'SOMETHING_NEW'],
] as const)
  test(`a refresh refused with ${code} ${reason} ends no session`, async () => {
    const { session, ended, store } = await opened(() => failure(code, reason));
    await assert.rejects(session.renew('a0'));
    assert.deepEqual([ended, (await store.load())?.refreshToken], [[], 'r0']);
  });

test('signed out offline is signed out', async () => {
  const { session, store, sent } = await opened(() => new CallError('UNAVAILABLE', 'no network'));
  await session.signOut();
  assert.equal(await store.load(), undefined);
  assert.equal(sent[0]?.headers.authorization, 'Bearer a0');
});

/** A session whose refresh is answered when the test says so, while another user may sign in. */
async function openedSlow() {
  const answered = Promise.withResolvers<ReturnType<typeof refreshed> | CallError>();
  const signedIn = { message: SignInResponse.encode(SignInResponse.fromPartial({ accessToken: 'b0', refreshToken: 's0', expiresIn: 600 })).finish() };
  const opening = await opened(({ method }) => {
    if (method.endsWith('/Refresh')) return answered.promise;
    return { message: method.endsWith('/SignIn') ? signedIn.message : new Uint8Array(), headers: {} };
  });
  return { ...opening, answer: answered.resolve };
}

test('a refresh that is answered after a sign-out signs nobody in again', async () => {
  const { session, store, answer } = await openedSlow();
  const renewed = session.renew('a0');
  await session.signOut();
  answer(refreshed(1));
  await assert.rejects(renewed, { code: 'UNAUTHENTICATED' });
  assert.equal(await store.load(), undefined);
  await assert.rejects(session.accessToken(), { code: 'UNAUTHENTICATED' });
});

for (const [what, late] of [
  ['answered', refreshed(1)],
  ['refused for good', failure('UNAUTHENTICATED', 'SESSION_REVOKED')],
] as const)
  test(`a refresh of the session before that is ${what} late leaves the new session alone`, async () => {
    const { session, store, ended, answer } = await openedSlow();
    const renewed = session.renew('a0');
    await session.signIn(SignInRequest.fromPartial({}));
    answer(late);
    await assert.rejects(renewed, { code: 'UNAUTHENTICATED' });
    assert.deepEqual([(await store.load())?.refreshToken, await session.accessToken(), ended], ['s0', 'b0', []]);
  });

test('tokens that cannot be read yet are read again', async () => {
  let isLocked = true;
  const kept = memoryTokenStore();
  const clock = fakeClock();
  await kept.save({ accessToken: 'a0', refreshToken: 'r0', userId: 'alice', expiresAtMs: clock.nowMs() + 600_000 });
  const load = () => (isLocked ? Promise.reject(new Error('the device is locked')) : kept.load());
  const { transport } = scriptedTransport((_, n) => refreshed(n));
  const session = openSession({ transport, store: { ...kept, load }, clock, onEnded: () => {} });
  await assert.rejects(session.accessToken(), /locked/);
  isLocked = false;
  assert.equal(await session.accessToken(), 'a0');
});

test('tokens with a short life are not refreshed for each call', async () => {
  const short = (n: number) => ({
    ...refreshed(n),
    message: RefreshResponse.encode({ accessToken: `a${n}`, refreshToken: `r${n}`, expiresIn: 15 }).finish(),
  });
  const { session, clock, sent } = await opened((_, n) => short(n), 0);
  assert.equal(await session.accessToken(), 'a1');
  await clock.advance(9_000);
  assert.equal(await session.accessToken(), 'a1');
  await clock.advance(2_000);
  assert.equal(await session.accessToken(), 'a2');
  assert.equal(sent.length, 2);
});
