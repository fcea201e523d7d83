// A client that leaves: its call ends at the far end too, whatever kind of call it is and whatever it was sent by.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openFixture } from '../fixture/app.ts';
import { openScriptedUpstream, type ScriptedUpstream } from '../fixture/scripted-upstream.ts';
import { callOf, keptTransports, protocols, registryOf, signIn } from '../support/client/protocols.ts';
import { openWire } from '../support/client/wire.ts';
import { fixtureRelease, openTestServer, type TestServer } from '../support/server/test-server.ts';
import { until } from '../support/time/until.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
const longMs = 600_000;
const calls = [
  { method: 'fixture.v1.ForwardService/Unary', says: 'before its answer', request: { delayMs: longMs } },
  { method: 'fixture.v1.ForwardService/ServerStream', says: 'before its first message', request: { count: 1, delayMs: longMs } },
  { method: 'fixture.v1.ForwardService/ClientStream', says: 'before its answer', request: [{ delayMs: longMs }] },
  { method: 'fixture.v1.ForwardService/BidiStream', says: 'before its first message', request: [{ count: 1, delayMs: longMs }] },
  { method: 'fixture.v1.ScreenService/GetItem', says: 'while its parts are computed', request: { itemId: 'slow' } },
  { method: 'fixture.v1.ScreenService/StreamItem', says: 'while its parts are computed', request: { itemId: 'slow' } },
] as const;

const transportOf = keptTransports();
let server: TestServer;
let scripted: ScriptedUpstream;
let headers: { readonly authorization: string };
before(async () => {
  scripted = await openScriptedUpstream();
  const { app, switches } = openFixture();
  switches.titleDelayMs = longMs;
  server = await openTestServer({
    app,
    samples: { scripted: scripted.address },
    settings: { 'upstreams.scripted.address': scripted.address, 'upstreams.scripted.deadline': '1h' },
  });
  ({ headers } = await signIn(server, registry, 'alice'));
});
after(async () => {
  await server?.close();
  scripted?.close();
});

/** Waits until what was begun is cancelled at the scripted, and nothing runs there. */
async function cancelled(before: { readonly cancelled: number }): Promise<void> {
  await until('the upstream hears of the cancel', () => scripted.running() === 0 && scripted.cancelled() > before.cancelled);
}

for (const protocol of protocols) {
  for (const { method, says, request } of calls) {
    if (protocol.endsWith('h1') && method.endsWith('BidiStream')) continue;
    test(`${protocol}: ${method} cancelled ${says} is cancelled at the upstream`, async () => {
      const before = { cancelled: scripted.cancelled() };
      const leaving = new AbortController();
      const called = callOf(registry, transportOf(protocol, server), method, request, { headers, signal: leaving.signal });
      await until('the upstream runs', () => scripted.running() > 0);
      leaving.abort();
      assert.equal((await called).code, 1);
      await cancelled(before);
    });
  }

  test(`${protocol}: a server stream cancelled after its first message is cancelled at the upstream`, async () => {
    const before = { cancelled: scripted.cancelled() };
    const leaving = new AbortController();
    const request = { text: 'a', count: 1_000, delayMs: 20 };
    const called = callOf(registry, transportOf(protocol, server), 'fixture.v1.ForwardService/ServerStream', request, {
      headers,
      signal: leaving.signal,
      onMessage: () => leaving.abort(),
    });
    const { messages } = await called;
    assert.ok(messages.length >= 1);
    await cancelled(before);
  });
}

for (const [says, header] of [
  ['gRPC', { 'content-type': 'application/grpc', 'grpc-timeout': '150m', te: 'trailers' }],
  ['gRPC-Web', { 'content-type': 'application/grpc-web+proto', 'grpc-timeout': '150m' }],
  ['Connect', { 'content-type': 'application/connect+proto', 'connect-timeout-ms': '150', 'connect-protocol-version': '1' }],
] as const) {
  for (const kind of ['ServerStream', 'ClientStream', 'BidiStream']) {
    test(`${says}: a ${kind} whose time is over is cancelled at the upstream, though the client stays`, async () => {
      const before = { cancelled: scripted.cancelled() };
      await using wire = await openWire(server);
      const call = wire.open({ ':method': 'POST', ':path': `/fixture.v1.ForwardService/${kind}`, ...headers, ...header });
      call.write(Buffer.from([0, 0, 0, 0, 5, 0x10, 0x01, 0x18, 0xc0, 0x3e])); // one answer after eight seconds
      if (kind === 'ServerStream') call.end();
      call.resume();
      await until('the upstream runs', () => scripted.running() > 0);
      await cancelled(before);
    });
  }
}

for (const how of ['its HTTP/2 session', 'its socket'] as const) {
  for (const { method, says, request } of calls.slice(0, 4)) {
    test(`a client that loses ${how} leaves ${method} ${says}`, async () => {
      const before = { cancelled: scripted.cancelled() };
      const wire = await openWire(server);
      const call = wire.open({ ':method': 'POST', ':path': `/${method}`, ...headers, 'content-type': 'application/grpc', te: 'trailers' });
      call.write(Buffer.from([0, 0, 0, 0, 6, 0x10, 0x01, 0x18, 0xc0, 0xcf, 0x24])); // one answer after ten minutes
      if (!Array.isArray(request)) call.end();
      await until('the upstream runs', () => scripted.running() > 0);
      if (how === 'its socket') wire.socket.destroy();
      else wire.session.destroy();
      await cancelled(before);
    });
  }
}
