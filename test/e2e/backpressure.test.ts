// A side that does not read slows down the other side, through the server: what waits in between stays small, whatever is sent.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openFixture } from '../fixture/app.ts';
import { registryOf, signIn } from '../support/client/protocols.ts';
import { openRawClient } from '../support/client/raw-client.ts';
import { openWire } from '../support/client/wire.ts';
import { fixtureRelease, openTestServer, type TestServer } from '../support/server/test-server.ts';
import { settled, until } from '../support/time/until.ts';
import { framed, grpcHeaders, openRawUpstream, type RawUpstream } from '../support/upstream/raw-upstream.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
const messageBytes = 65_536;
const message = framed(Buffer.concat([Buffer.from([0x0a, 0xfc, 0xff, 0x03]), Buffer.alloc(messageBytes - 4, 'a')]));
/** What may wait in between: socket buffers of the system, HTTP/2 windows of both hops, and what grpc-js reads ahead. The whole would be 256 MiB. */
const betweenMax = 24 * 1_048_576;
const all = 4_096;

let server: TestServer;
let upstream: RawUpstream;
let headers: { readonly authorization: string };
before(async () => {
  upstream = await openRawUpstream();
  server = await openTestServer({ app: openFixture().app, samples: { scripted: upstream.address } });
  ({ headers } = await signIn(server, registry, 'alice'));
});
after(async () => {
  await server?.close();
  await upstream?.close();
});

for (const [says, extra] of [
  ['gRPC', { 'content-type': 'application/grpc', te: 'trailers' }],
  ['gRPC-Web', { 'content-type': 'application/grpc-web+proto' }],
  ['Connect', { 'content-type': 'application/connect+proto', 'connect-protocol-version': '1' }],
] as const) {
  test(`${says}: a client that does not read holds the upstream back`, async () => {
    let sent = 0;
    let over = false;
    upstream.answer = async ({ stream }) => {
      stream.resume();
      stream.respond(grpcHeaders);
      stream.on('close', () => {
        over = true;
      });
      for (let n = 0; n < all && !over; n++) {
        sent += messageBytes;
        if (!stream.write(message)) await new Promise<void>((go) => stream.once('drain', go).once('close', go));
      }
    };
    const wire = await openWire(server);
    const call = wire.open({ ':method': 'POST', ':path': '/fixture.v1.ForwardService/ServerStream', ...headers, ...extra });
    call.end(Buffer.from([0, 0, 0, 0, 0]));
    call.pause();
    await until('the first message was sent', () => sent > 0);
    const bytes = await settled(() => sent);
    assert.ok(bytes < betweenMax, `${bytes} bytes were taken for a client that read none`);
    const heap = process.memoryUsage().arrayBuffers;
    assert.ok(heap < 4 * betweenMax, `${heap} bytes of buffers`);
    wire.socket.destroy();
    await until('the upstream hears that the client has left', () => over);
  });
}

test('an upstream that does not read holds the client back', async () => {
  upstream.answer = ({ stream }) => {
    stream.pause();
    stream.respond(grpcHeaders);
  };
  const client = openRawClient(server, headers.authorization);
  const stream = client.open('/fixture.v1.ForwardService/ClientStream');
  let sent = 0;
  let left = false;
  stream.on('error', () => {});
  const sending = (async () => {
    for (let n = 0; n < all && !left; n++) {
      sent += messageBytes;
      const more = stream.write(message.subarray(5));
      if (!more) await new Promise<void>((go) => stream.once('drain', go).once('status', go));
    }
  })();
  const bytes = await settled(() => sent);
  assert.ok(bytes < betweenMax, `${bytes} bytes were taken for an upstream that read none`);
  left = true;
  stream.cancel();
  await sending;
  client.close();
});
