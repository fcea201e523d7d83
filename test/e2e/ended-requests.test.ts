// Requests of a stream that end, or whose client disconnects, before or after the server asks for their messages.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { Metadata } from 'nice-grpc-common';
import type { Handler, ReadyCall } from '../../src/core/ports/call.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { openFixture } from '../fixture/app.ts';
import { assertWellFormed } from '../fuzz/well-formed.ts';
import { registryOf, signIn } from '../support/client/protocols.ts';
import { openWire, replyOf, type Wire } from '../support/client/wire.ts';
import { fixtureRelease, openTestServer, type TestServer } from '../support/server/test-server.ts';
import { until } from '../support/time/until.ts';
import { framed } from '../support/upstream/raw-upstream.ts';

const message = Buffer.from([0x0a, 1, 0x61]);
const service = '/fixture.v1.HandWrittenService/';
const forms = [
  ['grpc', 'application/grpc'],
  ['grpc-web', 'application/grpc-web+proto'],
  ['grpc-web-text', 'application/grpc-web-text'],
  ['connect-stream', 'application/connect+proto'],
] as const;

let server: TestServer;
let wire: Wire;
let authorization: string;
/** Calls whose handler has started, and what lets each ask for its messages. */
let started: (() => void)[] = [];
/** What the messages of the last call ended with: their number, or an error. */
let received: Promise<number | Error> | undefined;

async function count(call: ReadyCall): Promise<number> {
  await new Promise<void>((ask) => started.push(ask));
  let messages = 0;
  for await (const _ of call.request.each()) messages++;
  return messages;
}
const handler: Handler = async (call) => {
  const counted = count(call);
  received = counted.catch((error: Error) => error);
  await counted;
  const body =
    call.plan.kind === 'client_stream'
      ? message
      : (async function* () {
          yield message;
        })();
  return { metadata: Metadata(), trailers: Metadata(), body };
};

before(async () => {
  const { app } = openFixture();
  const screens = app.screens.filter(({ method }) => !/\/(Collect|Converse)$/.test(method));
  const handlers = { 'fixture.v1.HandWrittenService/Collect': handler, 'fixture.v1.HandWrittenService/Converse': handler };
  const samples = { scripted: '127.0.0.1:9' }; // nobody calls it
  server = await openTestServer({ app: { ...app, screens }, handlers, samples });
  wire = await openWire(server);
  ({ authorization } = (await signIn(server, registryOf(fixtureRelease.descriptorSet), 'alice')).headers);
});
after(async () => {
  await wire?.[Symbol.asyncDispose]();
  await server?.close();
});

/** What was sent on this connection has been processed, and a turn more. */
async function processed({ session }: Wire): Promise<void> {
  for (let i = 0; i < 2; i++) await new Promise<void>((done) => session.ping(() => done()));
}

async function open(on: Wire, method: string, contentType: string) {
  started = [];
  const stream = on.open({ ':method': 'POST', ':path': service + method, 'content-type': contentType, te: 'trailers', authorization });
  await until('the handler has started', () => started.length === 1);
  return { stream, ask: () => started[0]?.() };
}

for (const method of ['Collect', 'Converse'])
  for (const [form, contentType] of forms)
    for (const messages of [0, 1, 3])
      for (const when of ['before', 'after'] as const)
        test(`${method} by ${form}: ${messages} messages that end ${when} they are asked for`, async () => {
          const { stream, ask } = await open(wire, method, contentType);
          const replied = replyOf(stream);
          const body = Buffer.concat(Array.from({ length: messages }, () => framed(message)));
          if (body.length > 0) stream.write(form === 'grpc-web-text' ? body.toString('base64') : body);
          if (when === 'after') ask();
          await processed(wire);
          stream.end();
          if (when === 'before') await processed(wire);
          ask();
          assert.equal(assertWellFormed(form, await replied, 'own'), 0);
          assert.equal(await received, messages);
        });

for (const [form, contentType] of forms.slice(1))
  for (const messages of [0, 2])
    test(`Collect by ${form} over HTTP/1.1: ${messages} messages that end before they are asked for`, async () => {
      started = [];
      const { hostname, port } = new URL(server.url);
      const socket = connectTls({ host: hostname, port: Number(port), ca: server.ca, servername: hostname, ALPNProtocols: ['http/1.1'] });
      const text = socket.setEncoding('latin1').toArray();
      const frames = Buffer.concat(Array.from({ length: messages }, () => framed(message)));
      const body = form === 'grpc-web-text' ? Buffer.from(frames.toString('base64')) : frames;
      const lines = ['host: localhost', 'connection: close', `content-type: ${contentType}`, `content-length: ${body.length}`];
      socket.write(`POST ${service}Collect HTTP/1.1\r\n${lines.join('\r\n')}\r\nauthorization: ${authorization}\r\n\r\n`);
      socket.write(body);
      await until('the handler has started', () => started.length === 1);
      started[0]?.();
      assert.match((await text).join(''), /^HTTP\/1\.1 200 /);
      assert.equal(await received, messages);
    });

for (const method of ['Collect', 'Converse'])
  for (const messages of [0, 1])
    test(`${method}: a client that disconnects before its ${messages} messages are asked for is no end of a stream`, async () => {
      await using own = await openWire(server);
      const { stream, ask } = await open(own, method, 'application/grpc');
      if (messages > 0) stream.write(framed(message));
      await processed(own);
      stream.close(8);
      await processed(own);
      ask();
      assert.ok((await received) instanceof Error, 'it looks as if the client had ended its stream');
    });

test('on a connection with many streams, what is left of refused requests is refused sooner', async () => {
  const { nowMs } = systemClock;
  const clock = { nowMs, monotonicMs: () => systemClock.monotonicMs() / 8, after: (ms: number, f: () => void) => systemClock.after(ms * 8, f) };
  await using slow = await openTestServer({ app: openFixture().app, samples: { scripted: '127.0.0.1:9' }, clock });
  await using few = await openWire(slow);
  await using many = await openWire(slow);
  const refused = async (on: Wire) => {
    const stream = on.open({ ':method': 'POST', ':path': '/no.Such/Method', 'content-type': 'application/connect+proto' });
    stream.resume().write(framed(message)); // as clients of Connect do, it does not end its request
    await once(stream, 'end');
    return stream;
  };
  const kept = await refused(few); // for eight seconds of this clock
  const streams = await Promise.all(Array.from({ length: 60 }, () => refused(many)));
  await until('they are refused', () => streams.every(({ closed }) => closed));
  assert.deepEqual(new Set(streams.map(({ rstCode }) => rstCode)), new Set([0]));
  assert.equal(kept.closed, false);
});
