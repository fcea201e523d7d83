// What gRPC tools expect of a server: health and reflection.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openFixture } from '../fixture/app.ts';
import { type TestServer, openTestServer } from '../support/server/test-server.ts';
import { openRawClient, type RawClient } from '../support/client/raw-client.ts';

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

test('where reflection is off it is a method that there is not', async () => {
  const other = openRawClient(production, 'Bearer none');
  assert.equal((await other.call(reflection, [listServices])).code, 12);
  other.close();
});
