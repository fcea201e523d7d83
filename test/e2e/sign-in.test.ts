import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { decodeJwt } from 'jose';
import { callOf, registryOf, transportOf } from '../support/client/protocols.ts';
import { transportsOf } from '../support/client/transports.ts';
import { type FixtureServer, openFixtureServer } from '../support/server/fixture-server.ts';
import { fixtureRelease } from '../support/server/test-server.ts';
import { type ShiftedClock, shiftedClock } from '../support/time/shifted-clock.ts';
import { openIssuer, type StubIssuer } from '../support/token/issuer.ts';
import { encode, hmacTokenOf, jwkOf, makeKey, tokenOf } from '../support/token/jws.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
let provider: StubIssuer;
let lax: StubIssuer;
let clock: ShiftedClock;
let server: FixtureServer;
let transports: ReturnType<typeof transportsOf>;
before(async () => {
  provider = await openIssuer('accounts', [makeKey('accounts-1', 'RS256')]);
  lax = await openIssuer('lax');
  clock = shiftedClock();
  const claims = ['tenant', 'level'];
  server = await openFixtureServer({
    clock,
    settings: {
      'auth.idTokenIssuers': [
        {
          issuer: provider.issuer,
          jwksUrl: provider.jwksUrl,
          audiences: ['app-ios', 'app-android'],
          authorizedParties: ['google-android'],
          userPrefix: 'a:',
          scopes: ['items.read'],
          claims,
        },
        { issuer: lax.issuer, jwksUrl: lax.jwksUrl, audiences: ['app'], nonceRequired: false, userPrefix: 'l:' },
      ],
    },
  });
  transports = transportsOf(server);
});
after(async () => {
  await server?.close();
  await provider?.[Symbol.asyncDispose]();
  await lax?.[Symbol.asyncDispose]();
});

type Json = Record<string, unknown>;
const nowS = () => Math.floor(clock.nowMs() / 1_000);
/** Claims of a good ID token with a nonce of its own. */
function claimsOf(nonce: string): Json {
  return {
    iss: provider.issuer,
    aud: 'app-ios',
    sub: '0815',
    iat: nowS(),
    exp: nowS() + 3_600,
    nonce,
    tenant: 'north',
    email: 'ann@example.com',
    level: 3,
  };
}

const signInBy = (protocol: 'grpc h2' | 'json h1', token: string, nonce: string) =>
  callOf(registry, transports(protocol), 'portico.v1.SessionService/SignIn', {
    identity: { case: 'idToken', value: { token, nonce } },
    device: { platform: 'ios', name: 'a test' },
  });

/** The reason that two protocols give; undefined for a sign-in. The token is made for each, as a nonce signs in once. */
async function reasonsOf(make: (nonce: string) => { readonly token: string; readonly nonce?: string }): Promise<string | undefined> {
  const reasons: (string | undefined)[] = [];
  for (const protocol of ['grpc h2', 'json h1'] as const) {
    const nonce = randomUUID();
    const { token, nonce: sent = nonce } = make(nonce);
    const { code, reason } = await signInBy(protocol, token, sent);
    assert.equal(code === 0, reason === undefined);
    reasons.push(reason);
  }
  assert.equal(reasons[0], reasons[1], 'gRPC and JSON disagree');
  return reasons[0];
}

test('an ID token signs in: the user is (issuer, sub), with the scopes of the issuer and the claims that it is set to hand on', async () => {
  const nonce = randomUUID();
  const { messages, message } = await signInBy('json h1', provider.sign(claimsOf(nonce), { typ: 'JWT' }), nonce);
  const { userId, accessToken, expiresIn } = messages[0] as { userId: string; accessToken: string; expiresIn: number };
  assert.deepEqual([userId, expiresIn], ['a:0815', 600], message);
  const { sub, scope, tenant, email, level, iss, aud } = decodeJwt(accessToken);
  assert.deepEqual([sub, scope, tenant, email, level, iss, aud], ['a:0815', 'items.read', 'north', undefined, undefined, 'portico', 'portico']);
});

test('good ID tokens', async (t) => {
  const sign =
    (more: (nonce: string) => Json, header: Json = {}) =>
    (nonce: string) => ({
      token: provider.sign({ ...claimsOf(nonce), ...more(nonce) }, header),
    });
  const goods = {
    'without a typ': sign(() => ({})),
    'with its nonce as SHA-256': sign((nonce) => ({ nonce: createHash('sha256').update(nonce).digest('hex') })),
    'with azp': sign(() => ({ azp: 'app-ios' })),
    'with more audiences and an azp that is ours': sign(() => ({ aud: ['app-ios', 'backend'], azp: 'app-ios' })),
    'with an azp that is another client of the app, as of Google on Android': sign(() => ({ aud: 'app-android', azp: 'google-android' })),
    'of almost ten minutes': sign(() => ({ iat: nowS() - 595 })),
    'that end after the last year of a database': sign(() => ({ exp: 1e13 })),
    'that end at no time': sign(() => ({ exp: 1e300 })),
    'of an issuer that needs no nonce': () => ({
      token: lax.sign({ iss: lax.issuer, aud: 'app', sub: '1', iat: nowS(), exp: nowS() + 60 }),
      nonce: '',
    }),
  };
  for (const [name, make] of Object.entries(goods)) await t.test(name, async () => assert.equal(await reasonsOf(make), undefined));
});

test('the refusal of an azp names the client and the setting that accepts it', async () => {
  for (const protocol of ['grpc h2', 'json h1'] as const) {
    const nonce = randomUUID();
    const { message } = await signInBy(protocol, provider.sign({ ...claimsOf(nonce), azp: `other-${'x'.repeat(5_000)}` }), nonce);
    assert.match(message, /"other-x{94}" \(azp\): name it in auth\.idTokenIssuers\[\]\.authorizedParties/);
  }
});

test('every wrong ID token is refused with its reason, by gRPC and by JSON', async (t) => {
  const stranger = makeKey('accounts-1', 'RS256');
  const key = provider.keys[0] ?? stranger;
  const header = { alg: 'RS256', kid: key.kid, typ: 'JWT' };
  const cases: Record<string, readonly [reason: string, make: (nonce: string) => { readonly token: string; readonly nonce?: string }]> = {};
  const claims = (name: string, reason: string, more: (nonce: string) => Json) => {
    cases[name] = [reason, (nonce) => ({ token: tokenOf(header, { ...claimsOf(nonce), ...more(nonce) }, key) })];
  };
  const signed = (name: string, make: (nonce: string) => string) => {
    cases[name] = ['IDENTITY_INVALID', (nonce) => ({ token: make(nonce) })];
  };
  claims('an issuer that is not known', 'IDENTITY_INVALID', () => ({ iss: 'https://evil.example' }));
  claims('no issuer', 'IDENTITY_INVALID', () => ({ iss: undefined }));
  claims('another client', 'IDENTITY_INVALID', () => ({ aud: 'another-app' }));
  claims('more audiences and no azp', 'IDENTITY_INVALID', () => ({ aud: ['app-ios', 'backend'] }));
  claims('more audiences and an azp that is not ours', 'IDENTITY_INVALID', () => ({ aud: ['app-ios', 'backend'], azp: 'backend' }));
  claims('one audience and an azp that is not ours', 'IDENTITY_INVALID', () => ({ azp: 'backend' }));
  claims('an azp that is no text', 'IDENTITY_INVALID', () => ({ azp: ['app-ios'] }));
  claims('no sub', 'IDENTITY_INVALID', () => ({ sub: undefined }));
  claims('an empty sub', 'IDENTITY_INVALID', () => ({ sub: '' }));
  claims('a sub of a number', 'IDENTITY_INVALID', () => ({ sub: 815 }));
  claims('a sub of 256 characters', 'IDENTITY_INVALID', () => ({ sub: 'a'.repeat(256) }));
  claims('no exp', 'IDENTITY_INVALID', () => ({ exp: undefined }));
  claims('no iat', 'IDENTITY_INVALID', () => ({ iat: undefined }));
  claims('iat in the future', 'IDENTITY_INVALID', () => ({ iat: nowS() + 60 }));
  claims('expired', 'IDENTITY_EXPIRED', () => ({ exp: nowS() - 10 }));
  claims('older than ten minutes', 'IDENTITY_EXPIRED', () => ({ iat: nowS() - 610 }));
  claims('the nonce of another sign-in', 'NONCE_INVALID', () => ({ nonce: randomUUID() }));
  claims('no nonce in the token', 'NONCE_INVALID', () => ({ nonce: undefined }));
  claims('a nonce of a number', 'NONCE_INVALID', () => ({ nonce: 12_345_678 }));
  claims('a nonce hashed in another way', 'NONCE_INVALID', (nonce) => ({ nonce: createHash('sha1').update(nonce).digest('hex') }));
  cases['no nonce with the sign-in'] = ['NONCE_INVALID', (nonce) => ({ token: provider.sign(claimsOf(nonce)), nonce: '' })];
  cases['a nonce in the token and none with the sign-in, where none is needed'] = [
    'NONCE_INVALID',
    (nonce) => ({ token: lax.sign({ iss: lax.issuer, aud: 'app', sub: '1', iat: nowS(), exp: nowS() + 60, nonce }), nonce: '' }),
  ];
  signed('alg none', (nonce) => `${encode({ ...header, alg: 'none' })}.${encode(claimsOf(nonce))}.`);
  signed('HS256 with the public key', (nonce) =>
    hmacTokenOf({ ...header, alg: 'HS256' }, claimsOf(nonce), key.publicKey.export({ type: 'spki', format: 'pem' }) as string),
  );
  signed("a stranger's key", (nonce) => tokenOf(header, claimsOf(nonce), stranger));
  signed('a key that the token brings along', (nonce) => tokenOf({ ...header, kid: undefined, jwk: jwkOf(stranger) }, claimsOf(nonce), stranger));
  signed('an algorithm that is not allowed', (nonce) => tokenOf({ ...header, alg: 'PS256' }, claimsOf(nonce), { ...key, alg: 'PS256' }));
  signed('the key of another issuer', (nonce) => lax.sign(claimsOf(nonce), { typ: 'JWT' }));
  signed('an access token of the same issuer', (nonce) => tokenOf({ ...header, typ: 'at+jwt' }, claimsOf(nonce), key));
  signed('a name twice', (nonce) => tokenOf(header, JSON.stringify(claimsOf(nonce)).replace('{', '{"sub":"1",'), key));
  signed('no token at all', () => 'hello');
  for (const [name, [reason, make]] of Object.entries(cases)) await t.test(name, async () => assert.equal(await reasonsOf(make), reason));
});

test('a nonce signs in once, in either spelling, also when two come at once; a refused token uses up none', async () => {
  const nonce = randomUUID();
  const hashed = { ...claimsOf(nonce), nonce: createHash('sha256').update(nonce).digest('hex') };
  assert.equal((await signInBy('grpc h2', provider.sign({ ...claimsOf(nonce), aud: 'another' }), nonce)).reason, 'IDENTITY_INVALID');
  const both = await Promise.all([
    signInBy('grpc h2', provider.sign(claimsOf(nonce)), nonce),
    signInBy('json h1', provider.sign(hashed), nonce),
    signInBy('grpc h2', provider.sign(claimsOf(nonce)), nonce),
  ]);
  assert.deepEqual(both.map(({ reason }) => reason ?? 'ok').sort(), ['NONCE_INVALID', 'NONCE_INVALID', 'ok']);
  clock.shift(300_000);
  assert.equal((await signInBy('json h1', provider.sign(claimsOf(nonce)), nonce)).reason, 'NONCE_INVALID');
});

test('the provider is asked once for many sign-ins, and its new key is good with its first token', async () => {
  const before = provider.asked();
  const one = () => reasonsOf((nonce) => ({ token: provider.sign(claimsOf(nonce)) }));
  assert.equal(await one(), undefined);
  const after = provider.asked();
  assert.ok(after - before <= 1);
  clock.shift(31_000);
  provider.keys.push(makeKey('accounts-2', 'RS256'));
  assert.deepEqual([await one(), await one(), provider.asked() - after], [undefined, undefined, 1]);
});

test('a provider that cannot be reached is said to be unavailable, and the sign-in may be tried again with the same token', async () => {
  await using far = await openIssuer('far');
  far.answer = (response) => void response.writeHead(503).end();
  await using other = await openFixtureServer({
    clock,
    settings: { 'auth.idTokenIssuers': [{ issuer: far.issuer, jwksUrl: far.jwksUrl, audiences: ['app'] }] },
  });
  const nonce = randomUUID();
  const token = far.sign({ iss: far.issuer, aud: 'app', sub: '1', iat: nowS(), exp: nowS() + 600, nonce });
  const request = { identity: { case: 'idToken', value: { token, nonce } }, device: { platform: 'ios', name: 'x' } };
  const ask = () => callOf(registry, transportOf('grpc h2', other), 'portico.v1.SessionService/SignIn', request);
  const { code, reason, details } = await ask();
  assert.deepEqual([code, reason, details.includes('google.rpc.RetryInfo')], [14, 'ISSUER_UNAVAILABLE', true]);
  far.answer = undefined;
  clock.shift(5_000);
  assert.equal((await ask()).code, 0);
});
