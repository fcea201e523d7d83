// What gRPC tools expect of a server: health and reflection.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { ServerReflectionRequest, ServerReflectionResponse } from '../../src/gen/grpc/reflection/v1/reflection.ts';
import { openFixture } from '../fixture/app.ts';
import { openRawClient, type RawClient } from '../support/client/raw-client.ts';
import { openTestServer, type TestServer } from '../support/server/test-server.ts';

const text = (value: string) => Buffer.concat([Buffer.from([0x0a, value.length]), Buffer.from(value)]);
const reflection = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
/** ServerReflectionRequest.list_services = "*" */
const listServices = Buffer.from([0x3a, 0x01, 0x2a]);

let server: TestServer;
let production: TestServer;
let client: RawClient;
before(async () => {
  const common = { app: openFixture().app, samples: { scripted: '127.0.0.1:1' } };
  server = await openTestServer(common);
  production = await openTestServer({ ...common, settings: { reflection: false } });
  client = openRawClient(server, 'Bearer none');
});
after(async () => {
  client?.close();
  await server?.close();
  await production?.close();
});

test('health tells of the server and of each service, without a token', async () => {
  for (const service of ['', 'fixture.v1.ScreenService', 'portico.v1.SessionService']) {
    const { code, messages } = await client.call('/grpc.health.v1.Health/Check', [text(service)]);
    assert.deepEqual([code, messages], [0, [Buffer.from([0x08, 0x01])]], service);
  }
  assert.equal((await client.call('/grpc.health.v1.Health/Check', [text('no.such.Service')])).code, 5);
});

test('reflection lists the public services in dev, and no internal one', async () => {
  const { code, messages } = await client.call(reflection, [listServices]);
  const told = Buffer.concat(messages).toString('latin1');
  assert.equal(code, 0);
  for (const service of ['fixture.v1.ScreenService', 'fixture.v1.ForwardService', 'portico.v1.SessionService', 'grpc.health.v1.Health'])
    assert.ok(told.includes(service), service);
  for (const service of ['PublisherService', 'ScriptedService']) assert.ok(!told.includes(service), service);
});

test('reflection describes the methods of its listener, and no others that stand in the same files', async () => {
  const asked = async (at: RawClient, messageRequest: ServerReflectionRequest['messageRequest']) => {
    const { messages } = await at.call(reflection, [ServerReflectionRequest.encode({ host: '', messageRequest }).finish()]);
    return ServerReflectionResponse.decode(messages[0] ?? Buffer.alloc(0)).messageResponse;
  };
  const symbol = (name: string) => ({ $case: 'fileContainingSymbol', value: name }) as const;
  const servicesOf = async (at: RawClient, name: string) => {
    const found = await asked(at, symbol(name));
    assert.equal(found?.$case, 'fileDescriptorResponse', name);
    const [bytes = Buffer.alloc(0)] = found.value.fileDescriptorProto;
    assert.ok(!Buffer.from(bytes).includes('plays what each request tells it to'), 'a comment on an internal service');
    return fromBinary(FileDescriptorProtoSchema, bytes).service.map((service) => service.name);
  };
  for (const name of ['fixture.v1.ForwardService', 'fixture.v1.ForwardService.Unary', 'fixture.v1.EchoRequest'])
    assert.deepEqual(await servicesOf(client, name), ['ScreenService', 'ForwardService', 'GuardedService', 'HandWrittenService'], name);
  const inside = openRawClient({ url: server.internalUrl, ca: server.ca }, 'Bearer none');
  const unknown = ['fixture.v1.ScriptedService', 'fixture.v1.ScriptedService.Unary', 'fixture.v1.ForwardService.NoSuch', 'no.such.Symbol'];
  for (const name of [...unknown, 'portico.internal.v1.PublisherService'])
    assert.equal((await asked(client, symbol(name)))?.$case, 'errorResponse', name);
  for (const name of [...unknown, 'portico.v1.SessionService']) assert.equal((await asked(inside, symbol(name)))?.$case, 'errorResponse', name);
  assert.deepEqual(await servicesOf(inside, 'portico.internal.v1.PublisherService.Invalidate'), ['PublisherService']);
  const listed = await asked(inside, { $case: 'listServices', value: '' });
  assert.deepEqual(listed?.$case === 'listServicesResponse' && listed.value.service.map(({ name }) => name), [
    'portico.internal.v1.ConversationService',
    'portico.internal.v1.PublisherService',
    'grpc.health.v1.Health',
    'grpc.reflection.v1.ServerReflection',
  ]);
  inside.close();
});

test('where reflection is off it is a method that there is not', async () => {
  const other = openRawClient(production, 'Bearer none');
  assert.equal((await other.call(reflection, [listServices])).code, 12);
  other.close();
});
