// Behind a proxy that ends TLS the same front speaks plain HTTP/2, with prior knowledge, and HTTP/1.1.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { openFixture } from '../fixture/app.ts';
import { openScriptedUpstream, type ScriptedUpstream } from '../fixture/scripted-upstream.ts';
import { callOf, registryOf } from '../support/client/protocols.ts';
import { fixtureRelease, openTestServer, type TestServer } from '../support/server/test-server.ts';

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

test('the preface of HTTP/2 is known however TCP cuts it', async () => {
  for (const bytes of [1, 2, 5]) {
    const socket = connect(server.portico.ports.public, '127.0.0.1');
    socket.setNoDelay(true).on('error', () => {});
    const answered = once(socket, 'data');
    const said = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])]);
    for (let at = 0; at < said.length; at += bytes) {
      socket.write(said.subarray(at, at + bytes));
      await new Promise((later) => setTimeout(later, 5));
    }
    const [frame] = (await answered) as [Buffer];
    assert.equal(frame[3], 4, `in pieces of ${bytes}: ${frame.toString('latin1')}`); // SETTINGS
    socket.destroy();
  }
});
