import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { connect } from 'node:http2';
import { request } from 'node:https';
import { after, before, test } from 'node:test';
import { openFixture } from '../fixture/app.ts';
import { openScriptedUpstream, type ScriptedUpstream } from '../fixture/scripted-upstream.ts';
import { callOf, registryOf, signIn, transportOf } from '../support/client/protocols.ts';
import { rawHttp2 } from '../support/client/raw-http2.ts';
import { transportsOf } from '../support/client/transports.ts';
import { fixtureRelease, openTestServer, type TestServer } from '../support/server/test-server.ts';
import { keyOfServer, spellingsOf, tokenOf } from '../support/token/jws.ts';
import { type Ground, tokenAttacks } from '../support/token/token-attacks.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
const whoAmI = 'fixture.v1.ScreenService/WhoAmI';
let server: TestServer;
let scripted: ScriptedUpstream;
let transports: ReturnType<typeof transportsOf>;
before(async () => {
  scripted = await openScriptedUpstream();
  server = await openTestServer({ app: openFixture().app, samples: { scripted: scripted.address } });
  transports = transportsOf(server);
});
after(async () => {
  await server?.close();
  scripted?.close();
});

/** What two protocols say to a token: both must say the same. */
async function judged(authorization: string): Promise<readonly [code: number, reason: string | undefined, userId: unknown]> {
  const [grpc, json] = await Promise.all(
    (['grpc h2', 'json h1'] as const).map((protocol) => callOf(registry, transports(protocol), whoAmI, {}, { headers: { authorization } })),
  );
  const said = [grpc, json].map((outcome) => [outcome?.code, outcome?.reason, outcome?.messages[0]?.userId] as const);
  assert.deepEqual(said[0], said[1], 'gRPC and JSON disagree');
  return said[0] as readonly [number, string | undefined, unknown];
}

async function ownGround(): Promise<Ground> {
  const key = await keyOfServer(server.dataDir);
  const nowS = Math.floor(Date.now() / 1_000);
  const claims = { iss: 'portico', aud: 'portico', sub: 'alice', sid: randomUUID(), jti: randomUUID(), scope: '', iat: nowS, exp: nowS + 600 };
  return { header: { alg: 'ES256', typ: 'at+jwt', kid: key.kid }, claims, key, nowS };
}

test('a token made by hand is good, with up to 16 audiences, a claim __proto__, and within the tolerance: so the others fail for what is wrong with them', async () => {
  const { header, claims, key, nowS } = await ownGround();
  const audiences = Array.from({ length: 16 }, (_, i) => (i === 15 ? 'portico' : `other-${i}`));
  const goods = [
    claims,
    { ...claims, aud: audiences },
    JSON.stringify(claims).replace('{', '{"__proto__":{"sub":"mallory","scope":"items.read"},'),
    { ...claims, iat: nowS - 100, exp: nowS - 2 },
    { ...claims, iat: nowS + 2 },
  ];
  for (const good of goods) assert.deepEqual(await judged(`Bearer ${tokenOf(header, good, key)}`), [0, undefined, 'alice'], JSON.stringify(good));
  assert.equal(({} as { sub?: string }).sub, undefined);
});

test('every attack on our own tokens is refused with its reason, by gRPC and by JSON', async (t) => {
  const ground = await ownGround();
  const missing = ['sid', 'jti', 'scope'].map((claim) => ({
    name: `no ${claim}`,
    token: tokenOf(ground.header, { ...ground.claims, [claim]: undefined }, ground.key),
    reason: 'TOKEN_INVALID',
  }));
  for (const { name, token, reason } of [...tokenAttacks(ground), ...missing])
    await t.test(name, async () => assert.deepEqual(await judged(`Bearer ${token}`), [16, reason, undefined]));
});

test('a token of another kind is no access token', async (t) => {
  const { refreshToken } = await signIn(server, registry, 'alice');
  const { header, claims, key } = await ownGround();
  const kinds = {
    'a refresh token': refreshToken,
    'a service token': await server.portico.serviceToken('orders', 60_000),
    'a token for an upstream': tokenOf({ ...header, typ: 'portico-internal+jwt' }, { ...claims, aud: 'scripted' }, key),
    'a service token with the typ of users': tokenOf(header, { ...claims, aud: 'portico-internal', sub: 'orders' }, key),
  };
  for (const [name, token] of Object.entries(kinds))
    await t.test(name, async () => assert.deepEqual(await judged(`Bearer ${token}`), [16, 'TOKEN_INVALID', undefined]));
});

test('the header is `Bearer` and one token', async (t) => {
  const { accessToken } = await signIn(server, registry, 'alice');
  const said = (authorization: string) => judged(authorization);
  for (const good of [`Bearer ${accessToken}`, `bearer ${accessToken}`, `BEARER  ${accessToken}`])
    await t.test(`good: ${good.slice(0, 9)}`, async () => assert.deepEqual(await said(good), [0, undefined, 'alice']));
  const basic = Buffer.from('alice:secret').toString('base64');
  for (const bad of [
    `Basic ${basic}`,
    accessToken,
    `Bearer${accessToken}`,
    'Bearer',
    `Bearer ${accessToken} ${accessToken}`,
    `Bearer ${accessToken},x`,
  ])
    await t.test(`bad: ${bad.slice(0, 9)}`, async () => assert.deepEqual(await said(bad), [16, 'TOKEN_INVALID', undefined]));
});

test('the header twice is refused, be both the same or the first one good', async () => {
  const { accessToken } = await signIn(server, registry, 'alice');
  const good = `Bearer ${accessToken}`;
  assert.match(await byHttp1([good]), /"userId":"alice"/);
  for (const type of ['application/grpc', 'application/json']) assert.match(await byHttp2(type, [good]), /alice/);
  for (const second of [good, 'Bearer x.y.z']) {
    assert.match(await byHttp1([good, second]), /"authorization.*is not `Bearer` and one token/);
    assert.match(await byHttp2('application/json', [good, second]), /"authorization.*is not `Bearer` and one token/);
    assert.equal(await byHttp2('application/grpc', [good, second]), '');
  }
});

function byHttp1(credentials: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = ['host', 'localhost', 'content-type', 'application/json', 'content-length', '2'];
    for (const credential of credentials) headers.push('Authorization', credential);
    const sent = request(`${server.url}/${whoAmI}`, { method: 'POST', ca: server.ca, headers }, async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      resolve(text);
    });
    sent.on('error', reject).end('{}');
  });
}

async function byHttp2(type: string, credentials: readonly string[]): Promise<string> {
  const pseudo = [':method POST', `:path /${whoAmI}`, ':scheme https', ':authority localhost', `content-type ${type}`, 'te trailers'];
  const headers = [...pseudo.map((line) => line.split(' ') as [string, string]), ...credentials.map((value) => ['authorization', value] as const)];
  return (await rawHttp2(server.url, server.ca, headers, type === 'application/grpc' ? Buffer.alloc(5) : Buffer.from('{}'))).toString();
}

test('the internal listener takes service tokens, and no other', async () => {
  const internal = { url: server.internalUrl, ca: server.ca };
  const { accessToken } = await signIn(server, registry, 'alice');
  const { header, claims, key } = await ownGround();
  const service = await server.portico.serviceToken('orders', 60_000);
  const tokens = [
    [service, 0, undefined],
    [accessToken, 7, 'SERVICE_ONLY'],
    [tokenOf({ ...header, typ: 'portico-service+jwt' }, claims, key), 16, 'TOKEN_INVALID'],
    [tokenOf({ ...header, typ: 'portico-internal+jwt' }, { ...claims, aud: 'portico-internal' }, key), 16, 'TOKEN_INVALID'],
    [await server.portico.serviceToken('orders', 91 * 86_400_000), 16, 'TOKEN_INVALID'],
  ] as const;
  for (const protocol of ['grpc h2', 'json h1'] as const)
    for (const [token, code, reason] of tokens) {
      const headers = { authorization: `Bearer ${token}` };
      const outcome = await callOf(
        registry,
        transportOf(protocol, internal),
        'portico.internal.v1.PublisherService/Invalidate',
        { tags: ['a'] },
        { headers },
      );
      assert.deepEqual([outcome.code, outcome.reason], [code, reason]);
    }
});

test('a token of 9 KB is refused before it is looked at, and the connection goes on', async () => {
  assert.deepEqual(await judged(`Bearer ${'a'.repeat(9_000)}`), [3, 'CALL_MALFORMED', undefined]);
  const { headers } = await signIn(server, registry, 'alice');
  assert.deepEqual(await judged(headers.authorization), [0, undefined, 'alice']);
});

test('a token of 64 KB does not get in, over HTTP/1.1 or HTTP/2, and the server goes on', async () => {
  const huge = `Bearer ${'a'.repeat(65_536)}`;
  const answer = await byHttp1([huge]).catch(() => 'the connection was closed');
  assert.doesNotMatch(answer, /userId/);
  const session = connect(server.url, { ca: server.ca });
  const stream = session.request({
    ':method': 'POST',
    ':path': `/${whoAmI}`,
    'content-type': 'application/grpc',
    te: 'trailers',
    authorization: huge,
  });
  const how = await new Promise((resolve) =>
    stream
      .on('response', () => resolve('answered'))
      .on('error', () => resolve('reset'))
      .resume()
      .end(Buffer.alloc(5)),
  );
  session.on('error', () => {}).destroy();
  assert.equal(how, 'reset');
  const { headers } = await signIn(server, registry, 'alice');
  assert.deepEqual(await judged(headers.authorization), [0, undefined, 'alice']);
});

test('each of the 16 spellings of a signature is the same token, and dead after the sign-out, whether it was seen before or not', async () => {
  const { accessToken, headers } = await signIn(server, registry, 'alice');
  const spellings = spellingsOf(accessToken);
  for (const seen of spellings.slice(0, 8)) assert.deepEqual(await judged(`Bearer ${seen}`), [0, undefined, 'alice']);
  const out = await callOf(registry, transportOf('grpc h2', server), 'portico.v1.SessionService/SignOut', {}, { headers });
  assert.equal(out.code, 0);
  for (const spelling of spellings) assert.deepEqual(await judged(`Bearer ${spelling}`), [16, 'SESSION_REVOKED', undefined]);
});

test('scopes are those of the token: a method that wants another says so', async () => {
  const { headers } = await signIn(server, registry, 'alice', ['other']);
  for (const protocol of ['grpc h2', 'json h1'] as const) {
    const outcome = await callOf(registry, transportOf(protocol, server), 'fixture.v1.ScreenService/GetItem', { itemId: '1' }, { headers });
    assert.deepEqual([outcome.code, outcome.reason], [7, 'SCOPE_MISSING']);
  }
});
