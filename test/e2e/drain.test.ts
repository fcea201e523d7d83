// What SIGTERM begins: no new connections, calls in flight finish, what is left at the end of the grace time is cut; health and readiness say so at once.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect, constants } from 'node:http2';
import { Agent, request } from 'node:https';
import { test } from 'node:test';
import { openFixture } from '../fixture/app.ts';
import { openScriptedUpstream } from '../fixture/scripted-upstream.ts';
import { callOf, type ProtocolName, protocols, registryOf, signIn, transportOf } from '../support/client/protocols.ts';
import { openRawClient } from '../support/client/raw-client.ts';
import { openWire } from '../support/client/wire.ts';
import { fixtureRelease, openTestServer } from '../support/server/test-server.ts';
import { until } from '../support/time/until.ts';

const registry = registryOf(fixtureRelease.descriptorSet);

async function openBoth(settings: Readonly<Record<string, unknown>> = {}) {
  const scripted = await openScriptedUpstream();
  const server = await openTestServer({ app: openFixture().app, samples: { scripted: scripted.address }, settings });
  const { headers } = await signIn(server, registry, 'alice');
  const call = (protocol: ProtocolName, method: string, request: object, foreign = false) =>
    callOf(registry, transportOf(protocol, server), `fixture.v1.ForwardService/${method}`, { ...request }, { headers, foreign });
  const close = async () => {
    await server.close();
    scripted.close();
  };
  return { scripted, server, headers, call, [Symbol.asyncDispose]: close };
}

test('a drain lets calls and streams in flight finish, in every protocol, and takes no new ones', async () => {
  await using both = await openBoth();
  const { scripted, server, call } = both;
  const running = protocols.flatMap((protocol) => [
    call(protocol, 'Unary', { text: 'a', delayMs: 1_000 }),
    call(protocol, 'ServerStream', { text: 'a', count: 4, delayMs: 400 }),
  ]);
  await until('all have begun', () => scripted.calls() === running.length);
  const drained = server.portico.drain();
  assert.equal((await fetch(`${server.adminUrl}/readyz`)).status, 503);
  await assert.rejects(openWire(server));
  for (const { code, message, messages } of await Promise.all(running)) {
    assert.equal(code, 0, message);
    assert.ok(messages.length === 1 || messages.length === 4);
  }
  assert.equal((await drained).cut, 0);
  assert.equal((await fetch(`${server.adminUrl}/livez`)).status, 200);
});

test('at the end of the grace time what is left ends with a status that permits another try, and is cancelled at the upstream', async () => {
  await using both = await openBoth({ 'drain.grace': '300ms' });
  const { scripted, server, call } = both;
  const hanging = protocols.map((protocol) => call(protocol, 'ServerStream', { count: 1, delayMs: 600_000 }, true));
  await until('all run', () => scripted.running() === hanging.length);
  const { cut, calls } = await server.portico.drain();
  assert.ok(cut > 0);
  assert.equal(calls, hanging.length);
  for (const { code, reason } of await Promise.all(hanging)) assert.deepEqual([code, reason], [14, 'DRAINING']);
  await until('nothing runs at the upstream', () => scripted.running() === 0);
});

test('HTTP/1.1 is told with its answer that the connection ends', async () => {
  await using both = await openBoth();
  const { scripted, server, headers } = both;
  const agent = new Agent({ keepAlive: true, ca: server.ca });
  const sent = request(new URL('/fixture.v1.ForwardService/Unary', server.url), {
    method: 'POST',
    agent,
    headers: { ...headers, 'content-type': 'application/json' },
  });
  sent.end('{"delayMs":300}');
  await until('it runs', () => scripted.running() === 1);
  const drained = server.portico.drain();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  response.resume();
  assert.deepEqual([response.statusCode, response.headers.connection], [200, 'close']);
  assert.equal((await drained).cut, 0);
  agent.destroy();
});

test('a client is told to go elsewhere, and the health service tells its watchers', async () => {
  await using both = await openBoth();
  const { server, headers } = both;
  const client = openRawClient(server, headers.authorization);
  const wire = await openWire(server);
  const goaways: number[] = [];
  wire.session.on('goaway', (code) => goaways.push(code));
  const statuses: number[] = [];
  const watch = client.open('/grpc.health.v1.Health/Watch');
  watch.on('error', () => {});
  watch.on('data', (message: Buffer) => statuses.push(message[1] ?? 0));
  watch.write(Buffer.alloc(0));
  watch.end();
  await until('the watcher hears that it serves', () => statuses.length === 1);
  const drained = server.portico.drain();
  await until('the watcher hears that it does not', () => statuses.length === 2);
  assert.deepEqual(statuses, [1, 2]);
  await until('the client is told to go', () => goaways.length > 0);
  assert.equal(goaways[0], 0);
  client.close();
  assert.equal((await drained).cut, 0); // nobody who watches holds it up
});

test('HTTP/2 calls that cross with the GOAWAY are refused unprocessed, so that any client may send them again', async () => {
  await using both = await openBoth();
  const { scripted, server, headers } = both;
  const wire = await openWire(server);
  const open = (method: string) => {
    const stream = wire.open({
      ':method': 'POST',
      ':path': `/fixture.v1.ForwardService/${method}`,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    });
    stream.on('error', () => {});
    stream.resume();
    stream.end(Buffer.from([0, 0, 0, 0, 0]));
    return new Promise<number>((resolve) => stream.once('close', () => resolve(stream.rstCode)));
  };
  assert.equal(await open('Unary'), constants.NGHTTP2_NO_ERROR);
  const before = scripted.calls();
  const sent = [open('Unary'), open('ServerStream')]; // on their way while the drain begins
  const drained = server.portico.drain();
  assert.deepEqual(await Promise.all(sent), [constants.NGHTTP2_REFUSED_STREAM, constants.NGHTTP2_REFUSED_STREAM]);
  assert.equal(scripted.calls(), before);
  assert.equal((await drained).cut, 0);
});

test('clients that wait for their handshake or session when a drain begins are sent elsewhere too', async () => {
  await using both = await openBoth({ 'drain.grace': '5s' });
  const { server } = both;
  const sessions = Array.from({ length: 100 }, () => connect(server.url, { ca: server.ca }).on('error', () => {}));
  const closed = Promise.all(sessions.map((session) => new Promise((resolve) => session.once('close', resolve))));
  let served = 0;
  const goaways = new Set<string>();
  for (const session of sessions) {
    session.once('remoteSettings', () => served++);
    session.once('goaway', (code, last) => goaways.add(`${code}, up to ${last}`));
  }
  await until('the first are served, and the others wait', () => served > 0);
  assert.ok(served < sessions.length, `${served} at once`);
  assert.equal((await server.portico.drain()).cut, 0);
  await closed;
  assert.deepEqual(goaways, new Set([`0, up to ${2 ** 31 - 1}`, '0, up to 0']));
});

test('of the calls that still come on connections of HTTP/1.1 unary ones are answered, and streams that would be cut are sent elsewhere', async () => {
  await using both = await openBoth();
  const { scripted, server, headers } = both;
  const agent = new Agent({ keepAlive: true, ca: server.ca, maxSockets: 3 });
  const send = async (method: string, body: Buffer | string, more: Readonly<Record<string, string>>) => {
    const sent = request(new URL(`/fixture.v1.ForwardService/${method}`, server.url), { method: 'POST', agent, headers: { ...headers, ...more } });
    sent.end(body);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    let text = '';
    for await (const chunk of response) text += chunk;
    return text;
  };
  const unary = () => send('Unary', '{"text":"a"}', { 'content-type': 'application/json' });
  const stream = (more: Readonly<Record<string, string>> = {}) =>
    send('ServerStream', Buffer.from('\0\0\0\0\x02{}', 'latin1'), { 'content-type': 'application/connect+json', ...more });
  await Promise.all([unary(), unary(), unary()]); // three connections
  const before = scripted.calls();
  const sent = [unary(), stream(), stream({ 'connect-timeout-ms': '5000' })]; // on their way while the drain begins
  const drained = server.portico.drain();
  const [answer, refused, short] = await Promise.all(sent);
  assert.match(answer ?? '', /"text":"a"/);
  assert.match(refused ?? '', /"code":"unavailable".*"type":"google.rpc.ErrorInfo"/);
  assert.ok((refused ?? '').includes('The server is stopping'), refused);
  assert.doesNotMatch(short ?? '', /"error"/);
  assert.equal(scripted.calls(), before + 2);
  assert.equal((await drained).cut, 0);
  agent.destroy();
});
