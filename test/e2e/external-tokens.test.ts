import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { callOf, registryOf, transportOf } from '../support/client/protocols.ts';
import { transportsOf } from '../support/client/transports.ts';
import { type FixtureServer, openFixtureServer } from '../support/server/fixture-server.ts';
import { fixtureRelease } from '../support/server/test-server.ts';
import { type ShiftedClock, shiftedClock } from '../support/time/shifted-clock.ts';
import { openIssuer, type StubIssuer } from '../support/token/issuer.ts';
import { jwkOf, makeKey, tokenOf } from '../support/token/jws.ts';
import { tokenAttacks } from '../support/token/token-attacks.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
const whoAmI = 'fixture.v1.ScreenService/WhoAmI';
let corp: StubIssuer;
let partner: StubIssuer;
let clock: ShiftedClock;
let server: FixtureServer;
let transports: ReturnType<typeof transportsOf>;
before(async () => {
  corp = await openIssuer('corp');
  partner = await openIssuer('partner', [makeKey('partner-1', 'RS256')]);
  clock = shiftedClock();
  server = await openFixtureServer({
    clock,
    settings: {
      'auth.externalIssuers': [
        { issuer: corp.issuer, jwksUrl: corp.jwksUrl, audiences: ['api'], userPrefix: 'corp:' },
        {
          issuer: partner.issuer,
          jwksUrl: partner.jwksUrl,
          audiences: ['api', 'other-api'],
          algorithms: ['RS256'],
          typ: 'JWT',
          scopeClaim: 'permissions',
          scopePrefix: 'portico/',
          userPrefix: 'partner:',
          lifetimeMax: '2h',
        },
      ],
    },
  });
  transports = transportsOf(server);
});
after(async () => {
  await server?.close();
  await corp?.[Symbol.asyncDispose]();
  await partner?.[Symbol.asyncDispose]();
});

type Said = { readonly code: number; readonly reason: string | undefined; readonly userId: unknown; readonly scopes: unknown };
/** What gRPC and Connect say to a token: both must say the same. */
async function judged(token: string): Promise<Said> {
  const headers = { authorization: `Bearer ${token}` };
  const outcomes = await Promise.all(
    (['grpc h2', 'connect h2'] as const).map((protocol) => callOf(registry, transports(protocol), whoAmI, {}, { headers })),
  );
  const [grpc, connect] = outcomes.map(({ code, reason, messages: [message] }) => ({
    code,
    reason,
    userId: message?.userId,
    scopes: message?.scopes,
  }));
  assert.deepEqual(grpc, connect, 'gRPC and Connect disagree');
  return grpc as Said;
}

const nowS = () => Math.floor(clock.nowMs() / 1_000);
const corpClaims = () => ({ iss: corp.issuer, aud: 'api', sub: 'ann', scope: 'items.read extra', iat: nowS(), exp: nowS() + 3_600 });
const partnerClaims = () => ({
  iss: partner.issuer,
  aud: ['other-api', 'more'],
  sub: 'ann',
  permissions: ['portico/items.read', 'items.write', 'elsewhere/x', 5],
  iat: nowS(),
  exp: nowS() + 7_200,
});

test('a token of an external issuer is good as it is, by its own rules for typ, scopes and users', async () => {
  const good = corp.sign(corpClaims(), { typ: 'at+jwt' });
  assert.deepEqual(await judged(good), { code: 0, reason: undefined, userId: 'corp:ann', scopes: ['extra', 'items.read'] });
  assert.deepEqual(await judged(corp.sign(corpClaims(), { typ: 'application/at+jwt' })), await judged(good));
  const other = partner.sign(partnerClaims(), { typ: 'JWT' });
  assert.deepEqual(await judged(other), { code: 0, reason: undefined, userId: 'partner:ann', scopes: ['items.read'] });
});

test("every attack on an external issuer's tokens is refused with its reason, by gRPC and by Connect", async (t) => {
  const key = corp.keys[0] ?? makeKey('none');
  const ground = { header: { alg: 'ES256', typ: 'at+jwt', kid: key.kid }, claims: corpClaims(), key, nowS: nowS() };
  for (const { name, token, reason } of tokenAttacks(ground))
    await t.test(name, async () => assert.deepEqual(await judged(token), { code: 16, reason, userId: undefined, scopes: undefined }));
});

test('keys are chosen by the issuer: none signs for another', async (t) => {
  const corpKey = corp.keys[0] ?? makeKey('none');
  const partnerKey = partner.keys[0] ?? makeKey('none');
  const mixed = {
    "another issuer's key for corp": tokenOf({ alg: 'RS256', typ: 'at+jwt', kid: partnerKey.kid }, corpClaims(), partnerKey),
    "corp's key for another issuer": tokenOf({ alg: 'ES256', typ: 'JWT', kid: corpKey.kid }, partnerClaims(), corpKey),
    "corp's key for our own tokens": tokenOf(
      { alg: 'ES256', typ: 'at+jwt', kid: corpKey.kid },
      { ...corpClaims(), iss: 'portico', aud: 'portico' },
      corpKey,
    ),
    'an algorithm that is not allowed there': tokenOf({ alg: 'PS256', typ: 'JWT', kid: partnerKey.kid }, partnerClaims(), {
      ...partnerKey,
      alg: 'PS256',
    }),
    'a token that lives longer than the issuer may': partner.sign({ ...partnerClaims(), exp: nowS() + 7_201 }, { typ: 'JWT' }),
    'an ID token': corp.sign({ ...corpClaims(), nonce: 'n' }, { typ: 'JWT' }),
  };
  for (const [name, token] of Object.entries(mixed)) await t.test(name, async () => assert.equal((await judged(token)).reason, 'TOKEN_INVALID'));
});

test("a user of one issuer is nobody else's, however the names look", async () => {
  const sub = 'partner:ann';
  assert.equal((await judged(corp.sign({ ...corpClaims(), sub }, { typ: 'at+jwt' }))).userId, 'corp:partner:ann');
});

test('a new key of the issuer is found with its first token, and one that leaves stops tokens that were remembered', async () => {
  const old = corp.sign(corpClaims(), { typ: 'at+jwt' });
  assert.equal((await judged(old)).code, 0);
  clock.shift(30_000);
  corp.keys.push(makeKey('corp-2'));
  const young = corp.sign(corpClaims(), { typ: 'at+jwt' });
  assert.deepEqual([(await judged(young)).code, (await judged(old)).code], [0, 0]);
  corp.keys.shift();
  clock.shift(10 * 60_000 + 1);
  assert.deepEqual([(await judged(old)).reason, (await judged(young)).code], ['TOKEN_INVALID', 0]);
});

for (const [name, nameless] of [
  ['a reused name', false],
  ['no name', true],
] as const) {
  test(`a key that is replaced under ${name} verifies new tokens at once, and no longer those that were remembered`, async () => {
    const [old, young] = [makeKey('same'), makeKey('same')];
    const publish = (key: typeof old) => {
      corp.answer = (response) => response.end(JSON.stringify({ keys: [{ ...jwkOf(key), kid: nameless ? undefined : key.kid }] }));
    };
    const header = { alg: 'ES256', typ: 'at+jwt', ...(!nameless && { kid: 'same' }) };
    publish(old);
    clock.shift(10 * 60_000 + 1);
    const [before, after] = [tokenOf(header, corpClaims(), old), tokenOf(header, corpClaims(), young)];
    assert.deepEqual([(await judged(before)).code, (await judged(before)).code], [0, 0]);
    publish(young);
    clock.shift(30_000);
    const asked = corp.asked();
    assert.deepEqual([(await judged(after)).code, (await judged(after)).code, (await judged(before)).reason], [0, 0, 'TOKEN_INVALID']);
    assert.equal(corp.asked(), asked + 1);
    corp.answer = undefined;
    clock.shift(10 * 60_000 + 1);
  });
}

test('a stream by an external token ends when the token does', async () => {
  const headers = { authorization: `Bearer ${corp.sign({ ...corpClaims(), exp: nowS() + 60 }, { typ: 'at+jwt' })}` };
  const streaming = callOf(
    registry,
    transportOf('grpc h2', server),
    'fixture.v1.ForwardService/ServerStream',
    { text: 'x', count: 2, delayMs: 30_000 },
    { headers },
  );
  for (let i = 0; i < 500 && server.scripted.running() === 0; i++) await new Promise((resolve) => setTimeout(resolve, 5));
  clock.shift(66_000);
  const { code, reason } = await streaming;
  assert.deepEqual([code, reason], [16, 'TOKEN_EXPIRED']);
});

test('while the issuer is down its tokens are good by the last good set, and those of an issuer never reached are UNAVAILABLE', async () => {
  corp.answer = (response) => void response.writeHead(500).end();
  clock.shift(23 * 3_600_000);
  const token = corp.sign(corpClaims(), { typ: 'at+jwt' });
  assert.equal((await judged(token)).code, 0);
  clock.shift(3_600_001);
  const late = await judged(corp.sign(corpClaims(), { typ: 'at+jwt' }));
  assert.deepEqual([late.code, late.reason], [14, 'ISSUER_UNAVAILABLE']);
  corp.answer = undefined;
});
