import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { create, type DescMethodStreaming, type DescMethodUnary, type DescService } from '@bufbuild/protobuf';
import { Code, ConnectError, type Transport } from '@connectrpc/connect';
import { openFixture } from '../fixture/app.ts';
import { protocols, reasonOf, registryOf, transportOf } from '../support/client/protocols.ts';
import { fixtureRelease, openTestServer, type TestServer } from '../support/server/test-server.ts';

let server: TestServer;
before(async () => {
  server = await openTestServer({ app: openFixture().app, samples: { scripted: '127.0.0.1:1' } });
});
after(() => server?.close());

const { methods } = registryOf(fixtureRelease.descriptorSet).getService('fixture.v1.ScreenService') as DescService;
const unary = { ...methods.find(({ methodKind }) => methodKind === 'unary'), name: 'Forgotten' } as DescMethodUnary;
const stream = { ...methods.find(({ methodKind }) => methodKind === 'server_streaming'), name: 'Forgotten' } as DescMethodStreaming;

async function* one<Message>(message: Message) {
  yield message;
}

async function callUnary(transport: Transport) {
  await transport.unary(unary, undefined, undefined, undefined, create(unary.input));
}

async function callStream(transport: Transport) {
  const { message } = await transport.stream(stream, undefined, undefined, undefined, one(create(stream.input)));
  for await (const _ of message) assert.fail('a method that there is not has sent a message');
}

for (const protocol of protocols) {
  for (const [kind, call] of [
    ['unary method', callUnary],
    ['stream', callStream],
  ] as const) {
    test(`${protocol}: a call of a ${kind} that there is not tells its reason`, async () => {
      const error = await call(transportOf(protocol, server)).then(
        () => assert.fail('it succeeded'),
        (thrown: unknown) => ConnectError.from(thrown),
      );
      assert.deepEqual([error.code, reasonOf(error)], [Code.Unimplemented, 'METHOD_UNKNOWN']);
    });
  }
}
