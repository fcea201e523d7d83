import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeClock } from '../../../../test/support/time/clock.ts';
import { memoryRevocations } from '../../adapters/memory/revocations.ts';
import { Fault } from '../../kit/fault.ts';
import type { Caller } from '../../ports/call.ts';
import type { VerifiedToken } from '../../ports/tokens.ts';
import { streamLifetimes } from './end-streams-with-token.ts';

const minuteMs = 60_000;
const user = (userId: string, sessionId: string | undefined, issuer = 'portico'): Caller => ({
  kind: 'user',
  userId,
  issuer,
  sessionId,
  scopes: new Set(['read']),
  claims: new Map(),
});

function open(first: Caller = user('ada', 's-1'), check: (caller: Caller) => void = () => {}) {
  const clock = fakeClock();
  const revocations = memoryRevocations(clock);
  const tokens = new Map<string, VerifiedToken>();
  const token = (name: string, caller: Caller, lifeMs: number) =>
    void tokens.set(name, { caller, endsAtMs: clock.nowMs() + lifeMs, userHash: undefined });
  const verify = async (text: string) => {
    const verified = tokens.get(text);
    if (verified === undefined) throw new Fault('TOKEN_INVALID', 'The access token is not valid.');
    return verified;
  };
  const lifetimes = streamLifetimes({ verify, revocations, clock });
  const { lifetime, close } = lifetimes({ caller: first, endsAtMs: clock.nowMs() + minuteMs, userHash: undefined }, check);
  const ends: string[] = [];
  lifetime.onEnd(({ reason }) => ends.push(reason));
  return { clock, revocations, lifetimes, token, lifetime, close, ends };
}
const reason = (name: string) => (error: unknown) => error instanceof Fault && error.reason === name;

test('a stream ends when its token does', async () => {
  const { clock, ends } = open();
  await clock.advance(minuteMs - 1);
  assert.deepEqual(ends, []);
  await clock.advance(1);
  assert.deepEqual(ends, ['TOKEN_EXPIRED']);
});

test('a new token of the same user and session lets it go on until that one ends', async () => {
  const { clock, ends, lifetime, token } = open();
  token('newer', user('ada', 's-1'), 2 * minuteMs);
  await lifetime.extend('newer');
  await clock.advance(minuteMs);
  assert.deepEqual(ends, []);
  await clock.advance(minuteMs);
  assert.deepEqual(ends, ['TOKEN_EXPIRED']);
});

test('an older token of the session takes nothing away', async () => {
  const { clock, ends, lifetime, token } = open();
  token('older', user('ada', 's-1'), 1_000);
  await lifetime.extend('older');
  await clock.advance(minuteMs - 1);
  assert.deepEqual(ends, []);
});

for (const [whose, other] of [
  ['user', user('bob', 's-1')],
  ['session', user('ada', 's-2')],
  ['issuer', user('ada', 's-1', 'https://id.example')],
  ['kind', { kind: 'service', name: 'ada' }],
] as const) {
  test(`a token of another ${whose} is refused, and the old one still counts`, async () => {
    const { clock, ends, lifetime, token } = open();
    token('other', other, 5 * minuteMs);
    await assert.rejects(async () => lifetime.extend('other'), reason('TOKEN_INVALID'));
    await clock.advance(minuteMs);
    assert.deepEqual(ends, ['TOKEN_EXPIRED']);
  });
}

test('access is asked again for the new token: one that lost its scope extends nothing', async () => {
  const check = (caller: Caller) => {
    if (caller.kind !== 'user' || !caller.scopes.has('read')) throw new Fault('SCOPE_MISSING', 'no');
  };
  const { lifetime, token, clock } = open(user('ada', 's-1'), check);
  token('poorer', { ...user('ada', 's-1'), scopes: new Set() } as Caller, 5 * minuteMs);
  const before = lifetime.endsAtMs;
  await assert.rejects(async () => lifetime.extend('poorer'), reason('SCOPE_MISSING'));
  assert.equal(lifetime.endsAtMs, before);
  await assert.rejects(async () => lifetime.extend('nonsense'), reason('TOKEN_INVALID'));
  await clock.advance(0);
});

test('a session that is revoked ends its streams at once, no other, and nothing extends them', async () => {
  const { lifetimes, revocations, ends, lifetime, token, clock } = open();
  const others: string[] = [];
  const second = lifetimes({ caller: user('ada', 's-2'), endsAtMs: clock.nowMs() + minuteMs, userHash: undefined }, () => {});
  second.lifetime.onEnd((fault) => others.push(fault.reason));
  await revocations.add('s-1', minuteMs);
  assert.deepEqual([ends, others], [['SESSION_REVOKED'], []]);
  token('newer', user('ada', 's-1'), 5 * minuteMs);
  await assert.rejects(async () => lifetime.extend('newer'), reason('SESSION_REVOKED'));
  await clock.advance(5 * minuteMs);
  assert.deepEqual(ends, ['SESSION_REVOKED'], 'reported once');
});

test('a session that was revoked before the stream began has no life', async () => {
  const { lifetimes, revocations, clock } = open();
  await revocations.add('s-3', minuteMs);
  const ends: string[] = [];
  const { lifetime } = lifetimes({ caller: user('ada', 's-3'), endsAtMs: clock.nowMs() + minuteMs, userHash: undefined }, () => {});
  lifetime.onEnd((fault) => ends.push(fault.reason));
  assert.deepEqual(ends, ['SESSION_REVOKED']);
});

test('a stream that has ended is forgotten', async () => {
  const { revocations, close, ends, clock } = open();
  close();
  await revocations.add('s-1', minuteMs);
  await clock.advance(minuteMs);
  assert.deepEqual(ends, []);
});

test('a life that is longer than a timer is not cut short', async () => {
  const clock = fakeClock();
  const short = { ...clock, after: (delayMs: number, callback: () => void) => clock.after(Math.min(delayMs, 1_000), callback) };
  const { lifetime } = streamLifetimes({ verify: () => Promise.reject(new Error('unused')), revocations: memoryRevocations(clock), clock: short })(
    { caller: { kind: 'service', name: 'orders' }, endsAtMs: clock.nowMs() + 5_500, userHash: undefined },
    () => {},
  );
  const ends: string[] = [];
  lifetime.onEnd((fault) => ends.push(fault.reason));
  await clock.advance(5_499);
  assert.deepEqual(ends, []);
  await clock.advance(1);
  assert.deepEqual(ends, ['TOKEN_EXPIRED']);
});
