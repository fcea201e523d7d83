// Streams of the services for tools end like all others: with the client's time, at an age, and with their token.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ServerReflectionRequest, ServerReflectionResponse } from '../../src/gen/grpc/reflection/v1/reflection.ts';
import { callOf, protocols, registryOf, transportOf } from '../support/client/protocols.ts';
import { openRawClient } from '../support/client/raw-client.ts';
import { openWire } from '../support/client/wire.ts';
import { type FixtureServer, openFixtureServer } from '../support/server/fixture-server.ts';
import { fixtureRelease } from '../support/server/test-server.ts';
import { shiftedClock } from '../support/time/shifted-clock.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
const reflection = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
const clock = shiftedClock();
let server: FixtureServer;
before(async () => {
  server = await openFixtureServer({ clock });
});
after(() => server?.close());

for (const [contentType, timeout] of [
  ['application/grpc', { 'grpc-timeout': '100m' }],
  ['application/grpc-web', { 'grpc-timeout': '100m' }],
  ['application/connect+proto', { 'connect-timeout-ms': '100' }],
] as const)
  test(`${contentType}: a watch of the health ends with the client's timeout`, async () => {
    await using wire = await openWire(server);
    const { trailers, body } = await wire.ask({ ':path': '/grpc.health.v1.Health/Watch', 'content-type': contentType, ...timeout }, Buffer.alloc(5));
    assert.match(`${trailers['grpc-status']} ${body.toString('latin1')}`, /^4 |grpc-status: 4|"deadline_exceeded"/);
  });

for (const protocol of protocols) {
  const watch = (options: Parameters<typeof callOf>[4]) =>
    callOf(registry, transportOf(protocol, server), 'grpc.health.v1.Health/Watch', { service: '' }, options);

  test(`${protocol}: a watch of the health ends with a status when it is half an hour old`, async () => {
    let isOpen = () => {};
    const opened = new Promise<void>((resolve) => {
      isOpen = resolve;
    });
    const watched = watch({ onMessage: isOpen });
    await opened;
    clock.shift(1_800_000);
    const { code, reason } = await watched;
    assert.deepEqual([code, reason], [4, 'DEADLINE_EXCEEDED']);
  });
}

test('reflection answers with the same bytes each time, and ends when it is half an hour old', async () => {
  const client = openRawClient(server, 'Bearer none');
  const stream = client.open(reflection);
  const messages: Buffer[] = [];
  const ended = new Promise<number>((resolve) => stream.on('error', () => {}).on('status', ({ code }: { code: number }) => resolve(code)));
  const request = ServerReflectionRequest.encode({ host: '', messageRequest: { $case: 'fileContainingSymbol', value: 'fixture.v1.Item' } }).finish();
  for (let i = 0; i < 2; i++) {
    const answered = new Promise((resolve) => stream.once('data', resolve));
    stream.write(Buffer.from(request));
    messages.push((await answered) as Buffer);
  }
  assert.deepEqual(messages[0], messages[1]);
  assert.ok(ServerReflectionResponse.decode(messages[0] ?? Buffer.alloc(0)).messageResponse);
  clock.shift(1_800_000);
  assert.equal(await ended, 4);
  client.close();
});
