import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { Metadata } from 'nice-grpc';
import { callOf, registryOf, signIn, transportOf } from '../support/client/protocols.ts';
import { type FixtureServer, openFixtureServer } from '../support/server/fixture-server.ts';
import { fixtureRelease } from '../support/server/test-server.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
let server: FixtureServer;
before(async () => {
  server = await openFixtureServer();
});
after(() => server?.close());

test('the token of an upstream call names upstream, user and server, lives a minute at most, and what a client sends cannot replace it', async () => {
  const { headers, accessToken } = await signIn(server, registry, 'alice');
  const spoofed = {
    ...headers,
    'x-user-id': 'bob',
    'portico-user': 'bob',
    'x-forwarded-for': '10.0.0.1',
    forwarded: 'for=10.0.0.1',
    'x-fixture': 'kept',
  };
  for (const protocol of ['grpc h2', 'json h1'] as const) {
    await callOf(registry, transportOf(protocol, server), 'fixture.v1.ForwardService/Unary', { text: 'x' }, { headers: spoofed });
    const seen = server.scripted.lastMetadata() ?? Metadata();
    const token = String(seen.get('authorization')).slice('Bearer '.length);
    const { aud, sub, act, iat = 0, exp = 0 } = decodeJwt(token);
    assert.deepEqual([aud, sub, act, decodeProtectedHeader(token).typ], ['scripted', 'alice', { sub: 'portico' }, 'portico-internal+jwt']);
    assert.ok(exp - iat <= 60);
    assert.notEqual(token, accessToken);
    assert.equal(seen.get('x-fixture'), 'kept');
    for (const name of ['x-user-id', 'portico-user', 'x-forwarded-for', 'forwarded']) assert.equal(seen.get(name), undefined, name);
    const { code } = await callOf(
      registry,
      transportOf(protocol, server),
      'fixture.v1.ScreenService/WhoAmI',
      {},
      { headers: { authorization: `Bearer ${token}` } },
    );
    assert.equal(code, 16, 'it is no access token');
  }
});

test('an answer for all is computed for nobody: no user, and nothing of the client that no vary names, reaches the upstream', async () => {
  const { headers } = await signIn(server, registry, 'alice');
  const client = { ...headers, 'app-version': '1.2.3', 'app-platform': 'ios', 'idempotency-key': 'alice-1', 'accept-language': 'de' };
  const before = server.scripted.calls();
  const { code } = await callOf(registry, transportOf('grpc h2', server), 'fixture.v1.GuardedService/Read', { text: 'x' }, { headers: client });
  assert.deepEqual([code, server.scripted.calls() - before], [0, 1]);
  const seen = server.scripted.lastMetadata() ?? Metadata();
  assert.equal(decodeJwt(String(seen.get('authorization')).slice('Bearer '.length)).sub, undefined);
  for (const name of ['app-version', 'app-platform', 'idempotency-key']) assert.equal(seen.get(name), undefined, name);
  assert.equal(seen.get('accept-language'), 'en'); // what a vary names, reduced to the locales that there are
});
