// Who may call what on which listener.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node';
import { openFixture } from '../fixture/app.ts';
import { callOf, protocols, registryOf, signIn, transportOf } from '../support/client/protocols.ts';
import { fixtureRelease, openTestServer, type TestServer } from '../support/server/test-server.ts';
import { makeAuthority, makeCertificate, type Pair, writePair } from '../support/token/certificates.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
const invalidate = 'portico.internal.v1.PublisherService/Invalidate';
const tags = { tags: ['items'] };
let folder: string;
let server: TestServer;
let authority: Pair;
let inside: { readonly url: string; readonly ca: string };
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'portico-internal-'));
  authority = await makeAuthority('inside');
  const own = writePair(folder, 'own', await makeCertificate(authority, 'localhost'));
  const clientCaFile = join(folder, 'ca.pem');
  writeFileSync(clientCaFile, authority.cert);
  server = await openTestServer({
    app: openFixture().app,
    samples: { scripted: '127.0.0.1:1' },
    settings: { 'internal.tls': { ...own, clientCaFile }, 'internal.services': { 'DNS:orders.internal': 'orders' } },
  });
  inside = { url: server.internalUrl, ca: authority.cert };
});
after(async () => {
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

for (const protocol of protocols) {
  test(`${protocol}: internal methods are not on the public port, nor public ones on the internal one`, async () => {
    const { headers } = await signIn(server, registry, 'alice');
    const service = { authorization: `Bearer ${await server.portico.serviceToken('orders', 60_000)}` };
    for (const [method, request] of [
      [invalidate, tags],
      ['portico.internal.v1.PublisherService/Publish', { events: [{ topic: 'news:1', payload: new Uint8Array(1) }] }],
      ['portico.internal.v1.PublisherService/Notify', { userId: 'alice', title: 'x' }],
      ['portico.internal.v1.PublisherService/Disconnect', { userId: 'alice' }],
    ] as const)
      assert.equal((await callOf(registry, transportOf(protocol, server), method, request, { headers: service })).reason, 'METHOD_UNKNOWN', method);
    for (const method of ['fixture.v1.ScreenService/Echo', 'portico.v1.SessionService/ListDevices'])
      assert.equal((await callOf(registry, transportOf(protocol, inside), method, {}, { headers })).reason, 'METHOD_UNKNOWN');
  });

  test(`${protocol}: the internal listener takes service tokens, and neither nobody's nor a user's`, async () => {
    const transport = transportOf(protocol, inside);
    const { headers } = await signIn(server, registry, 'alice');
    const service = { authorization: `Bearer ${await server.portico.serviceToken('orders', 60_000)}` };
    assert.equal((await callOf(registry, transport, invalidate, tags, { headers: service })).code, 0);
    assert.equal((await callOf(registry, transport, invalidate, tags)).reason, 'TOKEN_MISSING');
    assert.equal((await callOf(registry, transport, invalidate, tags, { headers })).reason, 'SERVICE_ONLY');
    const atThePublicListener = await callOf(registry, transportOf(protocol, server), 'fixture.v1.ScreenService/WhoAmI', {}, { headers: service });
    assert.equal(atThePublicListener.reason, 'TOKEN_INVALID');
  });
}

test('a client certificate stands for the service that the settings name, and for no other', async () => {
  const stranger = await makeAuthority('outside');
  for (const [signer, name, reason] of [
    [authority, 'orders.internal', undefined],
    [authority, 'unnamed.internal', 'TOKEN_MISSING'],
    [stranger, 'orders.internal', 'TOKEN_MISSING'],
  ] as const) {
    const nodeOptions = { ...(await makeCertificate(signer, name)), ca: authority.cert };
    for (const transport of [
      createGrpcTransport({ baseUrl: inside.url, nodeOptions }),
      createConnectTransport({ baseUrl: inside.url, httpVersion: '1.1', nodeOptions }),
    ])
      assert.equal((await callOf(registry, transport, invalidate, tags)).reason, reason, name);
  }
});

test('the admin listener tells nothing to pages of other sites, and changes nothing', async () => {
  const ask = (path: string, headers: Readonly<Record<string, string>> = {}, method = 'GET') =>
    new Promise<number>((resolve, reject) => {
      const sent = request(new URL(path, server.adminUrl), { method, headers }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      sent.on('error', reject);
      sent.end();
    });
  for (const path of ['/livez', '/readyz', '/startupz', '/metrics', '/.well-known/jwks.json']) {
    assert.equal(await ask(path), 200, path);
    assert.equal(await ask(path, { host: 'rebound.example:8445' }), 403, path);
    assert.equal(await ask(path, { origin: 'https://evil.example' }), 403, path);
    assert.equal(await ask(path, {}, 'POST'), 405, path);
  }
  assert.equal(await ask('/__proto__'), 404);
});

test('both listeners serve the key set that verifies our tokens', async () => {
  for (const { url, ca } of [server, inside]) {
    const status = await new Promise((resolve, reject) =>
      get(`${url}/.well-known/jwks.json`, { ca, agent: false }, (response) => resolve(response.resume().statusCode)).on('error', reject),
    );
    assert.equal(status, 200, url);
  }
});
