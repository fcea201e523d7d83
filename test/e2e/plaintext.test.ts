// Behind a proxy that ends TLS the same front speaks plain HTTP/2, with prior knowledge, and HTTP/1.1.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { openFixture } from '../fixture/app.ts';
import { openScriptedUpstream, type ScriptedUpstream } from '../fixture/scripted-upstream.ts';
import { type TestServer, fixtureRelease, openTestServer } from '../support/server/test-server.ts';
import { callOf, registryOf } from '../support/client/protocols.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
let server: TestServer;
let scripted: ScriptedUpstream;
before(async () => {
  scripted = await openScriptedUpstream();
  server = await openTestServer({ app: openFixture().app, samples: { scripted: scripted.address }, settings: { 'public.plaintext': true } });
});
after(async () => {
  await server?.close();
  scripted?.close();
});

test('every protocol works without TLS', async () => {
  const baseUrl = `http://localhost:${server.portico.ports.public}`;
  const transports = {
    'grpc h2': createGrpcTransport({ baseUrl }),
    'grpc-web h1': createGrpcWebTransport({ baseUrl, httpVersion: '1.1' }),
    'grpc-web h2': createGrpcWebTransport({ baseUrl, httpVersion: '2' }),
    'connect h1': createConnectTransport({ baseUrl, httpVersion: '1.1' }),
    'connect h2': createConnectTransport({ baseUrl, httpVersion: '2' }),
  };
  for (const [name, transport] of Object.entries(transports)) {
    const { messages, message } = await callOf(registry, transport, 'fixture.v1.ScreenService/Echo', { text: name });
    assert.equal(messages[0]?.text, name, message);
    const identity = { identity: { case: 'dev', value: { user: 'alice' } }, device: { platform: 'ios', name } };
    const signed = await callOf(registry, transport, 'portico.v1.SessionService/SignIn', identity);
    const headers = { authorization: `Bearer ${signed.messages[0]?.accessToken}` };
    const streamed = await callOf(registry, transport, 'fixture.v1.ForwardService/ServerStream', { text: 'a', count: 3 }, { headers });
    assert.deepEqual([streamed.code, streamed.messages.length], [0, 3], name);
  }
});
