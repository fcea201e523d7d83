import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { apnsToken, readApnsKey } from './apns-token.ts';

const minute = 60_000;
const pem = (type: 'ec' | 'rsa', curve = 'prime256v1') =>
  (type === 'ec' ? generateKeyPairSync('ec', { namedCurve: curve }) : generateKeyPairSync('rsa', { modulusLength: 2_048 })).privateKey.export({
    type: 'pkcs8',
    format: 'pem',
  }) as string;

function openToken() {
  let nowMs = Date.parse('2026-01-15T12:00:00Z');
  const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs, after: () => () => {} };
  const token = apnsToken({ teamId: 'TEAM123456', keyId: 'KEY1234567', key: readApnsKey(pem('ec')) }, clock);
  return {
    token,
    elapse: (ms: number) => {
      nowMs += ms;
    },
    nowMs: () => nowMs,
  };
}

test('a token is the same for 40 minutes, and then another one, signed as Apple asks', async () => {
  const { token, elapse, nowMs } = openToken();
  const first = await token.current();
  assert.deepEqual(decodeProtectedHeader(first), { alg: 'ES256', kid: 'KEY1234567' });
  assert.deepEqual(decodeJwt(first), { iss: 'TEAM123456', iat: nowMs() / 1_000 });
  elapse(39 * minute);
  assert.equal(await token.current(), first);
  elapse(minute);
  assert.notEqual(await token.current(), first);
});

test('one that APNs calls too old is replaced, but not within 20 minutes, which APNs refuses', async () => {
  const { token, elapse } = openToken();
  const first = await token.current();
  elapse(20 * minute);
  assert.equal(token.expired(first), false);
  elapse(2 * minute);
  assert.equal(token.expired(first), true);
  const second = await token.current();
  assert.notEqual(second, first);
  assert.equal(token.expired(first), true, 'there is a newer one already');
  assert.equal(await token.current(), second);
});

test('a clock that goes back makes another token: one of the future is refused', async () => {
  const { token, elapse } = openToken();
  const first = await token.current();
  elapse(-10 * minute);
  assert.notEqual(await token.current(), first);
});

test('another key than one of P-256 is refused', () => {
  for (const text of ['', 'no key', pem('rsa'), pem('ec', 'secp384r1')]) assert.throws(() => readApnsKey(text), /^Error: push\.apns\.key/);
});
