// Upstreams over TLS, with a client certificate, with several addresses.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ServerCredentials } from '@grpc/grpc-js';
import { createServer } from 'nice-grpc';
import { openFixture } from '../fixture/app.ts';
import { ScriptedServiceDefinition } from '../fixture/gen/fixture/v1/fixture.ts';
import { openScriptedUpstream } from '../fixture/scripted-upstream.ts';
import { callOf, registryOf, signIn, transportOf } from '../support/client/protocols.ts';
import { fixtureRelease, openTestServer } from '../support/server/test-server.ts';
import { makeAuthority, makeCertificate, type Pair, writePair } from '../support/token/certificates.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
let folder: string;
let authority: Pair;
let caFile: string;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'portico-upstream-'));
  authority = await makeAuthority('inside');
  caFile = join(folder, 'ca.pem');
  writeFileSync(caFile, authority.cert);
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Forwards calls to an upstream that is set like this. @returns the reasons of the calls, "" for those that went well */
async function reasonsOf(upstream: Readonly<Record<string, unknown>>, calls = 1): Promise<readonly string[]> {
  const server = await openTestServer({ app: openFixture().app, settings: { 'upstreams.scripted': { deadline: '5s', ...upstream } } });
  try {
    const { headers } = await signIn(server, registry, 'alice');
    const reasons: string[] = [];
    for (let n = 0; n < calls; n++) {
      const { code, reason } = await callOf(registry, transportOf('grpc h2', server), 'fixture.v1.ForwardService/Unary', { text: 'a' }, { headers });
      reasons.push(code === 0 ? '' : (reason ?? String(code)));
    }
    return reasons;
  } finally {
    await server.close();
  }
}

test('an upstream is reached over TLS by its name, with our client certificate, and not without', async () => {
  const { cert, key } = await makeCertificate(authority, 'scripted.internal');
  const upstreamServer = createServer();
  upstreamServer.add(ScriptedServiceDefinition, {
    unary: async ({ text }) => ({ text }),
    read: async ({ text }) => ({ text }),
    async *serverStream() {},
    clientStream: async () => ({}),
    async *bidiStream() {},
  });
  const pem = (text: string) => Buffer.from(text);
  const credentials = ServerCredentials.createSsl(pem(authority.cert), [{ cert_chain: pem(cert), private_key: pem(key) }], true);
  const port = await upstreamServer.listen('127.0.0.1:0', credentials);
  const address = `127.0.0.1:${port}`;
  const client = writePair(folder, 'client', await makeCertificate(authority, 'portico'));
  try {
    assert.deepEqual(await reasonsOf({ address, tls: { caFile, ...client, serverName: 'scripted.internal' } }), ['']);
    assert.deepEqual(await reasonsOf({ address, tls: { caFile, ...client, serverName: 'other.internal' } }), ['UPSTREAM_DOWN']);
    assert.deepEqual(await reasonsOf({ address, tls: { caFile, serverName: 'scripted.internal' } }), ['UPSTREAM_DOWN']);
    assert.deepEqual(await reasonsOf({ address }), ['UPSTREAM_DOWN']);
  } finally {
    upstreamServer.forceShutdown();
  }
});

test('calls go round the addresses of an upstream, and past one that is gone', async () => {
  const scriptedUpstreams = [await openScriptedUpstream(), await openScriptedUpstream()] as const;
  try {
    const address = `ipv4:${scriptedUpstreams[0].address},${scriptedUpstreams[1].address}`;
    assert.deepEqual(new Set(await reasonsOf({ address }, 10)), new Set(['']));
    for (const scripted of scriptedUpstreams) assert.ok(scripted.calls() >= 2, `one address got ${scripted.calls()} of 10 calls`);
    scriptedUpstreams[0].close();
    assert.deepEqual(new Set(await reasonsOf({ address }, 10)), new Set(['']));
  } finally {
    for (const scripted of scriptedUpstreams) scripted.close();
  }
});
