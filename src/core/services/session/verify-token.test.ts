import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeClock } from '../../../../test/support/time/clock.ts';
import { makeKey, spellingsOf, tokenOf } from '../../../../test/support/token/jws.ts';
import { memoryRevocations } from '../../adapters/memory/revocations.ts';
import type { SigningKeys } from '../../ports/signing-keys.ts';
import { verifyTokens } from './verify-token.ts';

/** A verifier of tokens with one key, at a whole second. */
function opened() {
  const key = makeKey('ours');
  const clock = fakeClock(1_700_000_000_000);
  const revocations = memoryRevocations(clock);
  const held = new Map([[key.kid, key]]);
  const keys: SigningKeys = { current: () => key, find: (kid) => held.get(kid), look: async (kid) => held.get(kid), jwks: () => ({ keys: [] }) };
  const ours = { issuer: 'portico', audience: 'portico', lifetimeMaxMs: 600_000, external: [], claimNames: new Set(['tenant']) };
  const verify = verifyTokens({ keys, clock, revocations, ...ours, userHash: (userId) => `hash of ${userId}` });
  const nowS = clock.nowMs() / 1_000;
  const claims = { iss: 'portico', aud: 'portico', sub: 'alice', sid: 's-1', jti: 'j-1', scope: 'a b', iat: nowS, exp: nowS + 600 };
  const token = (more: Readonly<Record<string, unknown>> = {}) => tokenOf({ alg: 'ES256', typ: 'at+jwt', kid: key.kid }, { ...claims, ...more }, key);
  const said = async (text: string) => {
    try {
      const { caller } = await verify(text);
      return caller.kind;
    } catch (error) {
      return (error as { reason?: string }).reason;
    }
  };
  return { clock, revocations, held, verify, nowS, token, said };
}

test('a token is good until 5 s after its exp, to the millisecond, whether it was seen before or not', async () => {
  const { clock, token, said } = opened();
  const seen = token();
  const spellings = spellingsOf(token({ jti: 'j-2' }));
  assert.equal(await said(seen), 'user');
  await clock.advance(604_000);
  assert.deepEqual([await said(seen), await said(spellings[0] ?? '')], ['user', 'user']);
  await clock.advance(999);
  assert.deepEqual([await said(seen), await said(spellings[1] ?? '')], ['user', 'user']);
  await clock.advance(1);
  assert.deepEqual([await said(seen), await said(spellings[2] ?? '')], ['TOKEN_EXPIRED', 'TOKEN_EXPIRED']);
  await clock.advance(1_000);
  assert.deepEqual([await said(seen), await said(spellings[3] ?? '')], ['TOKEN_EXPIRED', 'TOKEN_EXPIRED']);
});

test('iat may be 5 s ahead of our clock, and a token may live exactly as long as is allowed', async () => {
  const { nowS, token, said } = opened();
  const ahead = (seconds: number) => said(token({ iat: nowS + seconds, exp: nowS + seconds + 600 }));
  assert.deepEqual([await ahead(5), await ahead(6)], ['user', 'TOKEN_INVALID']);
  assert.deepEqual([await said(token({ exp: nowS + 601 })), await said(token({ exp: nowS + 600 }))], ['TOKEN_INVALID', 'user']);
});

test('a flood of tokens that are not verified takes no room from those that are', async () => {
  const { token, verify, said } = opened();
  const mine = token();
  assert.equal(await said(mine), 'user');
  const stranger = makeKey('ours');
  const header = { alg: 'ES256', typ: 'at+jwt', kid: 'unknown' };
  const signed = tokenOf(header, { iss: 'portico' }, stranger);
  const [body] = signed.split(/\.(?=[^.]*$)/);
  for (let i = 0; i < 21_000; i++) assert.equal(await said(`${body}.${i.toString().padStart(86, 'A')}`), 'TOKEN_INVALID');
  for (let i = 0; i < 50; i++)
    assert.equal(await said(tokenOf({ ...header, kid: 'ours' }, { iss: 'portico', jti: String(i) }, stranger)), 'TOKEN_INVALID');
  assert.ok(!(verify(mine) instanceof Promise), 'it was verified anew');
});

test('the end of a session and the removal of a key end cached tokens', async () => {
  const { revocations, held, token, said } = opened();
  const [mine, other] = [token(), token({ sid: 's-2' })];
  assert.deepEqual([await said(mine), await said(other)], ['user', 'user']);
  await revocations.add('s-1', 60_000);
  for (const spelling of spellingsOf(mine)) assert.equal(await said(spelling), 'SESSION_REVOKED');
  assert.equal(await said(other), 'user');
  held.clear();
  assert.equal(await said(other), 'TOKEN_INVALID');
});

test('only claims that policies name are kept, and only text', async () => {
  const { verify, token } = opened();
  const claimsOf = async (more: Readonly<Record<string, unknown>>) => {
    const { caller } = await verify(token(more));
    return caller.kind === 'user' ? [...caller.claims] : [];
  };
  assert.deepEqual(await claimsOf({ tenant: 'north', other: 'x' }), [
    ['sub', 'alice'],
    ['tenant', 'north'],
  ]);
  for (const tenant of [5, ['north'], { a: 1 }, null]) assert.deepEqual(await claimsOf({ tenant }), [['sub', 'alice']]);
});

test('a token of more than 8,192 characters is refused before it is looked at', async () => {
  const { said } = opened();
  assert.equal(await said(`${'a'.repeat(8_192)}b`), 'TOKEN_INVALID');
});
