import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { callOf, registryOf, signIn, transportOf } from '../support/client/protocols.ts';
import { openRawClient } from '../support/client/raw-client.ts';
import { type FixtureServer, openFixtureServer } from '../support/server/fixture-server.ts';
import { fixtureRelease } from '../support/server/test-server.ts';
import { shiftedClock } from '../support/time/shifted-clock.ts';
import { openIssuer, type StubIssuer } from '../support/token/issuer.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
const clock = shiftedClock();
let provider: StubIssuer;
let dev: FixtureServer;
let serve: FixtureServer;
before(async () => {
  provider = await openIssuer('accounts');
  dev = await openFixtureServer();
  const [certFile, keyFile] = [join(dev.dataDir, 'tls/cert.pem'), join(dev.dataDir, 'tls/key.pem')];
  serve = await openFixtureServer({
    mode: 'serve',
    clock,
    shared: dev,
    settings: {
      'public.host': '127.0.0.1',
      'internal.host': '127.0.0.1',
      'admin.host': '127.0.0.1',
      'public.tls': { certFile, keyFile },
      'auth.keysDir': join(dev.dataDir, 'keys'),
      'auth.refreshKey': 'a secret of the tests, long enough to be one',
      'auth.devScopes': ['items.read'],
      reflection: true,
      'auth.idTokenIssuers': [{ issuer: provider.issuer, jwksUrl: provider.jwksUrl, audiences: ['app'] }],
    },
  });
});
after(async () => {
  await serve?.close();
  await dev?.close();
  await provider?.[Symbol.asyncDispose]();
});

for (const protocol of ['grpc h2', 'json h1'] as const) {
  const by = (method: string, request: Record<string, unknown>, headers = {}) =>
    callOf(registry, transportOf(protocol, { url: serve.url, ca: dev.ca }), method, request, { headers });

  test(`${protocol}: a dev identity is refused in serve, whatever the settings say of its scopes`, async () => {
    const request = { identity: { case: 'dev', value: { user: 'alice', scopes: [] } }, device: { platform: 'ios', name: 'x' } };
    const { code, reason } = await by('portico.v1.SessionService/SignIn', request);
    assert.deepEqual([code, reason], [7, 'DEV_IDENTITY_REFUSED']);
  });

  test(`${protocol}: an ID token signs in there`, async () => {
    const [nonce, nowS] = [randomUUID(), Math.floor(Date.now() / 1_000)];
    const token = provider.sign({ iss: provider.issuer, aud: 'app', sub: 'ann', iat: nowS, exp: nowS + 60, nonce });
    const request = { identity: { case: 'idToken', value: { token, nonce } }, device: { platform: 'ios', name: 'x' } };
    const { messages } = await by('portico.v1.SessionService/SignIn', request);
    const authorization = `Bearer ${messages[0]?.accessToken}`;
    assert.equal((await by('fixture.v1.ScreenService/WhoAmI', {}, { authorization })).messages[0]?.userId, 'ann');
  });

  test(`${protocol}: a refresh token that was derived by another secret is none`, async () => {
    const { refreshToken } = await signIn(dev, registry, 'alice');
    assert.equal((await by('portico.v1.SessionService/Refresh', { refreshToken })).reason, 'REFRESH_TOKEN_INVALID');
  });
}

test('reflection asks for the token of a user on the public listener, and of a service on the internal one', async () => {
  const listServices = Buffer.from([0x3a, 0x01, 0x2a]);
  const { headers } = await signIn(dev, registry, 'alice');
  const tokens = { none: '', user: headers.authorization, service: `Bearer ${await serve.portico.serviceToken('orders', 60_000)}` };
  const codes = async (url: string) => {
    const found: Record<string, number> = {};
    for (const [name, token] of Object.entries(tokens)) {
      const client = openRawClient({ url, ca: dev.ca }, token);
      const { code, messages } = await client.call('/grpc.reflection.v1.ServerReflection/ServerReflectionInfo', [listServices]);
      assert.equal(messages.length, code === 0 ? 1 : 0);
      found[name] = code;
      client.close();
    }
    return found;
  };
  assert.deepEqual(await codes(serve.url), { none: 16, user: 0, service: 16 });
  assert.deepEqual(await codes(serve.internalUrl), { none: 16, user: 7, service: 0 });
});

test('an open stream of reflection ends with the token that opened it', async () => {
  const { headers } = await signIn(dev, registry, 'alice');
  const client = openRawClient({ url: serve.url, ca: dev.ca }, headers.authorization);
  const stream = client.open('/grpc.reflection.v1.ServerReflection/ServerReflectionInfo');
  const ended = new Promise<number>((resolve) => stream.on('error', () => {}).on('status', ({ code }: { code: number }) => resolve(code)));
  const answered = new Promise((resolve) => stream.once('data', resolve));
  stream.write(Buffer.from([0x3a, 0x01, 0x2a]));
  await answered;
  clock.shift(660_000); // an access token lives for ten minutes
  assert.equal(await ended, 16);
  client.close();
});
