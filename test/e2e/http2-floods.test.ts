// Frames of HTTP/2 that cost the server more than the client, sent without end and no faster than they are read: each
// kind ends its connection, is counted, and no other connection notices.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { openFixture } from '../fixture/app.ts';
import { frame, headerBlock, preface } from '../support/client/raw-http2.ts';
import { scraped } from '../support/client/scrape.ts';
import { openWire } from '../support/client/wire.ts';
import { openTestServer, type TestServer } from '../support/server/test-server.ts';
import { until } from '../support/time/until.ts';

let server: TestServer;
before(async () => {
  server = await openTestServer({ app: openFixture().app, samples: { scripted: '127.0.0.1:1' } });
});
after(() => server?.close());

const kind = { data: 0, headers: 1, priority: 2, reset: 3, settings: 4, ping: 6, windowUpdate: 8, continuation: 9, priorityUpdate: 16, unknown: 250 };
const [endStream, endHeaders, ack] = [1, 4, 1];
const none = Buffer.alloc(0);
const post = (stream: number, flags: number, more: readonly (readonly [string, string])[] = []) => {
  const path = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
  const pseudo = [
    [':method', 'POST'],
    [':scheme', 'https'],
    [':path', path],
    [':authority', 'localhost'],
  ] as const;
  return frame(kind.headers, flags, stream, headerBlock([...pseudo, ['content-type', 'application/grpc'], ...more]));
};
/** Streams of one round with their numbers. */
const streams = (round: number, make: (id: number) => Buffer) => Buffer.concat(Array.from({ length: 50 }, (_, i) => make(2 * (round * 50 + i) + 1)));
const many = (one: Buffer) => () => Buffer.concat(Array.from({ length: 100 }, () => one));

type Flood = readonly [what: string, reason: string, first: Buffer, round: (round: number) => Buffer];
const floods: readonly Flood[] = [
  ['PING', 'control_frames', none, many(frame(kind.ping, 0, 0, Buffer.alloc(8)))],
  ['empty SETTINGS', 'control_frames', none, many(frame(kind.settings, 0, 0, none))],
  ['SETTINGS of the header table', 'control_frames', none, many(frame(kind.settings, 0, 0, Buffer.from([0, 1, 0, 0, 0, 0])))],
  ['acknowledged SETTINGS that were not sent', 'http_malformed', none, many(frame(kind.settings, ack, 0, none))],
  ['answered PINGs that were not sent', 'http_malformed', none, many(frame(kind.ping, ack, 0, Buffer.alloc(8)))],
  ['empty DATA', 'http_malformed', post(1, endHeaders), many(frame(kind.data, 0, 1, none))],
  ['empty CONTINUATION', 'http_malformed', post(1, 0), many(frame(kind.continuation, 0, 1, none))],
  ['CONTINUATION', 'http_malformed', post(1, 0), many(frame(kind.continuation, 0, 1, headerBlock([['a', 'b']])))],
  ['PRIORITY', 'http_malformed', none, many(frame(kind.priority, 0, 3, Buffer.from([0, 0, 0, 0, 1])))],
  ['PRIORITY_UPDATE', 'http_malformed', none, many(frame(kind.priorityUpdate, 0, 0, Buffer.from([0, 0, 0, 1, 0x75])))],
  ['unknown frames', 'http_malformed', none, many(frame(kind.unknown, 0, 0, none))],
  ['header names in capitals', 'http_malformed', none, (round) => streams(round, (id) => post(id, endHeaders | endStream, [['A', 'b']]))],
  [
    'streams and their resets',
    'resets',
    none,
    (round) => streams(round, (id) => Buffer.concat([post(id, endHeaders), frame(kind.reset, 0, id, Buffer.from([0, 0, 0, 8]))])),
  ],
];

for (const [what, reason, first, round] of floods)
  test(`${what}: the connection is ended and counted as ${reason}`, async () => {
    await using other = await openWire(server);
    const count = () => scraped(server, 'portico_abuse_total', `reason="${reason}"`);
    const before = await count();
    const socket = connectTls({
      host: '127.0.0.1',
      port: Number(new URL(server.url).port),
      ca: server.ca,
      servername: 'localhost',
      ALPNProtocols: ['h2'],
    });
    let isOver = false;
    for (const event of ['end', 'close']) socket.on(event, () => (isOver = true));
    socket.on('error', () => {}).resume();
    await once(socket, 'secureConnect');
    socket.write(preface);
    socket.write(Buffer.concat([frame(kind.settings, 0, 0, none), first]));
    for (let i = 0; i < 1_000 && !isOver; i++) {
      socket.write(round(i));
      await new Promise((later) => setTimeout(later, 1)); // frames of one read have limits of their own
    }
    await until('the server ends the connection', () => isOver);
    socket.destroy();
    await until('it is counted', async () => (await count()) > before);
    const reply = await other.ask({ ':path': '/fixture.v1.ScreenService/Echo', 'content-type': 'application/json' }, '{"text":"a"}');
    assert.equal(reply.body.toString(), '{"text":"a"}');
  });

test('a client that answers pings, pings after what it receives and changes its settings now and then keeps its connection', async () => {
  await using wire = await openWire(server);
  for (let i = 0; i < 200; i++) {
    await new Promise<void>((done) => wire.session.ping(() => done()));
    if (i % 10 === 0) wire.session.settings({ initialWindowSize: 65_535 + i });
    await wire.ask({ ':path': '/fixture.v1.ScreenService/Echo', 'content-type': 'application/json' }, '{"text":"a"}');
  }
  assert.equal(wire.session.closed, false);
});
