import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { callOf, registryOf, signIn, transportOf } from '../support/client/protocols.ts';
import { type FixtureServer, openFixtureServer } from '../support/server/fixture-server.ts';
import { fixtureRelease } from '../support/server/test-server.ts';
import { type ShiftedClock, shiftedClock } from '../support/time/shifted-clock.ts';
import { makeKey } from '../support/token/jws.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
let clock: ShiftedClock;
let server: FixtureServer;
before(async () => {
  clock = shiftedClock();
  server = await openFixtureServer({ clock });
});
after(() => server?.close());

const putKey = (name: string) =>
  writeFileSync(join(server.dataDir, 'keys', name), makeKey(name).privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });

function published(): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    const sent = request(`${server.url}/.well-known/jwks.json`, { ca: server.ca }, async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      resolve((JSON.parse(text) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid));
    });
    sent.on('error', reject).end();
  });
}

/** The folder is read each 10 s, in the background. */
async function publishedWhen(count: number): Promise<readonly string[]> {
  clock.shift(10_000);
  for (let i = 0; i < 1_000; i++) {
    const kids = await published();
    if (kids.length === count) return kids;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`There were never ${count} keys.`);
}

async function reasonsOf(authorization: string): Promise<readonly string[]> {
  const by = (protocol: 'grpc h2' | 'json h1') =>
    callOf(registry, transportOf(protocol, server), 'fixture.v1.ScreenService/WhoAmI', {}, { headers: { authorization } });
  return (await Promise.all([by('grpc h2'), by('json h1')])).map(({ reason = 'ok' }) => reason);
}

/** The key of the token that an upstream gets now. */
async function kidToUpstream(headers: { readonly authorization: string }): Promise<string | undefined> {
  await callOf(registry, transportOf('grpc h2', server), 'fixture.v1.ForwardService/Unary', { text: 'x' }, { headers });
  return decodeProtectedHeader(String(server.scripted.lastMetadata()?.get('authorization')).slice('Bearer '.length)).kid;
}

test('a key is added, signs two minutes later, and the old one verifies until its file goes: then its tokens are dead, remembered or not', async () => {
  const [old = ''] = await published();
  const first = await signIn(server, registry, 'alice');
  assert.equal(decodeProtectedHeader(first.accessToken).kid, old);

  putKey('0002.pem');
  const young = (await publishedWhen(2)).find((kid) => kid !== old);
  const second = await signIn(server, registry, 'alice');
  assert.equal(decodeProtectedHeader(second.accessToken).kid, old, 'it is published, and does not sign yet');

  clock.shift(121_000);
  const third = await signIn(server, registry, 'alice');
  assert.equal(decodeProtectedHeader(third.accessToken).kid, young);
  for (const { headers } of [first, second, third]) assert.deepEqual(await reasonsOf(headers.authorization), ['ok', 'ok']);
  assert.equal(await kidToUpstream(third.headers), young);

  rmSync(join(server.dataDir, 'keys', '0001.pem'));
  assert.deepEqual(await publishedWhen(1), [young]);
  for (const token of [first.headers.authorization, second.headers.authorization])
    assert.deepEqual(await reasonsOf(token), ['TOKEN_INVALID', 'TOKEN_INVALID']);
  assert.deepEqual(await reasonsOf(third.headers.authorization), ['ok', 'ok']);

  const refreshed = await callOf(registry, transportOf('grpc h2', server), 'portico.v1.SessionService/Refresh', { refreshToken: first.refreshToken });
  const { accessToken } = refreshed.messages[0] as { accessToken: string };
  assert.deepEqual([decodeProtectedHeader(accessToken).kid, decodeJwt(accessToken).sid], [young, first.sessionId]);
  assert.deepEqual(await reasonsOf(`Bearer ${accessToken}`), ['ok', 'ok']);
});

test('a key that is taken away in a hurry signs nothing more, upstream tokens that were remembered included', async () => {
  const user = await signIn(server, registry, 'bob');
  const [before = ''] = await published();
  assert.equal(await kidToUpstream(user.headers), before);
  putKey('0003.pem');
  await publishedWhen(2);
  rmSync(join(server.dataDir, 'keys', '0002.pem'));
  const [now] = await publishedWhen(1);
  assert.deepEqual(await reasonsOf(user.headers.authorization), ['TOKEN_INVALID', 'TOKEN_INVALID']);
  const again = await signIn(server, registry, 'bob');
  assert.equal(await kidToUpstream(again.headers), now);
});
