// Whole requests of HTTP/1.1 on one connection, however TCP cuts them and whatever follows: each has its answer, in
// order, and nothing else is answered as a call.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { openFixture } from '../fixture/app.ts';
import { openTestServer, type TestServer } from '../support/server/test-server.ts';
import { until } from '../support/time/until.ts';

let server: TestServer;
before(async () => {
  server = await openTestServer({ app: openFixture().app, samples: { scripted: '127.0.0.1:1' }, settings: { 'public.plaintext': true } });
});
after(() => server?.close());

const requestOf = (framing: string, body: string) =>
  `POST /fixture.v1.ScreenService/Echo HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n${framing}\r\n${body}`;
const sized = (body: string) => requestOf(`content-length: ${body.length}\r\n`, body);
const chunked = (body: string, size: number, extension: string, trailer: string) => {
  const chunks = body.match(new RegExp(`.{1,${size}}`, 'g')) ?? [];
  const text = chunks.map((chunk) => `${chunk.length.toString(16)}${extension}\r\n${chunk}\r\n`).join('');
  return requestOf('transfer-encoding: chunked\r\n', `${text}0${extension}\r\n${trailer}\r\n`);
};
const textOf = (i: number) => JSON.stringify({ text: `number ${i}` });
const whole = (i: number): fc.Arbitrary<string> =>
  fc.oneof(
    fc.constant(sized(textOf(i))),
    fc
      .tuple(fc.integer({ min: 1, max: 30 }), fc.constantFrom('', ';a', ';a="b"'), fc.constantFrom('', 'x: y\r\n'))
      .map(([size, extension, trailer]) => chunked(textOf(i), size, extension, trailer)),
  );
const hidden = sized('{"text":"hidden"}');
const incomplete = fc.oneof(
  fc.constant(''),
  fc.uint8Array({ minLength: 1, maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  fc.integer({ min: 1, max: hidden.length - 1 }).map((end) => hidden.slice(0, end)),
);
/** The connection is closed after these. */
const malformed = fc.constantFrom(
  requestOf('content-length: 4\r\ntransfer-encoding: chunked\r\n', `0\r\n\r\n${hidden}`),
  requestOf('transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n', `0\r\n\r\n${hidden}`),
  requestOf('content-length: 0\r\ncontent-length: 5\r\n', hidden),
  requestOf('content-length: +0\r\n', hidden),
  requestOf('content-length : 0\r\n', hidden),
  requestOf('x: a\r\n content-length: 0\r\n', hidden),
  requestOf('x: a\ncontent-length: 0\r\n', hidden),
  requestOf('transfer-encoding: chunked\r\n', `0\n\r\n${hidden}`),
  requestOf('transfer-encoding: chunked\r\n', `0x0\r\n\r\n${hidden}`),
  requestOf('transfer-encoding: chunked\r\n', `ffffffffffffffff0\r\n\r\n${hidden}`),
  requestOf('transfer-encoding: chunked\r\n', `2\r\n{}${hidden}`),
  requestOf('transfer-encoding: chunked\r\n', `0\r\ntransfer-encoding: chunked\r\n\r\n${hidden}`),
);
const following = fc.oneof(
  incomplete.map((rest) => ({ rest, closes: false })),
  malformed.map((rest) => ({ rest, closes: true })),
);
const sent = fc
  .integer({ min: 1, max: 4 })
  .chain((count) => fc.record({ requests: fc.tuple(...Array.from({ length: count }, (_, i) => whole(i))), after: following }));

async function answersOf(bytes: Buffer, cuts: readonly number[], isDone: (received: string) => boolean): Promise<string> {
  const socket = connect({ port: server.portico.ports.public, host: '127.0.0.1', noDelay: true });
  let received = '';
  let isClosed = false;
  socket.setEncoding('latin1').on('data', (chunk) => {
    received += chunk;
  });
  socket.on('error', () => {}).on('close', () => (isClosed = true));
  const ends = [...new Set(cuts.map((cut) => cut % bytes.length))].sort((a, b) => a - b);
  for (const [i, end] of [...ends, bytes.length].entries()) {
    socket.write(bytes.subarray(ends[i - 1] ?? 0, end));
    await new Promise((later) => setImmediate(later));
  }
  await until('they are answered, or the connection is closed', () => isClosed || isDone(received));
  socket.destroy();
  return received;
}

test('whole requests have their answers in order, whatever follows them, and nothing hidden is answered', async () => {
  await fc.assert(
    fc.asyncProperty(sent, fc.array(fc.nat(2_000), { maxLength: 5 }), async ({ requests, after: { rest, closes } }, cuts) => {
      const bodies = requests.map((_, i) => textOf(i));
      const bodiesIn = (text: string) => [...text.matchAll(/HTTP\/1\.1 200 OK\r\n[\s\S]*?\r\n\r\n(\{.*?\})/g)].map(([, body]) => body);
      const received = await answersOf(
        Buffer.from(requests.join('') + rest, 'latin1'),
        cuts,
        (text) => !closes && bodiesIn(text).length >= bodies.length,
      );
      assert.deepEqual(bodiesIn(received), bodies, received);
    }),
    { numRuns: 150 },
  );
});
