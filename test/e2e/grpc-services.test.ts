// What gRPC tools expect of a server: health and reflection.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openFixture } from '../fixture/app.ts';
import { type Door, openDoor } from '../support/door.ts';
import { openRawPhone, type RawPhone } from '../support/raw-phone.ts';

const text = (value: string) => Buffer.concat([Buffer.from([0x0a, value.length]), Buffer.from(value)]);
const reflection = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
/** ServerReflectionRequest.list_services = "*" */
const listServices = Buffer.from([0x3a, 0x01, 0x2a]);

let door: Door;
let production: Door;
let phone: RawPhone;
before(async () => {
  const common = { app: openFixture().app, samples: { player: '127.0.0.1:1' } };
  door = await openDoor(common);
  production = await openDoor({ ...common, settings: { reflection: false } });
  phone = openRawPhone(door, 'Bearer none');
});
after(async () => {
  phone?.close();
  await door?.close();
  await production?.close();
});

test('health tells of the server and of each service, without a token', async () => {
  for (const service of ['', 'fixture.v1.ScreenService', 'portico.v1.SessionService']) {
    const { code, messages } = await phone.call('/grpc.health.v1.Health/Check', [text(service)]);
    assert.deepEqual([code, messages], [0, [Buffer.from([0x08, 0x01])]], service);
  }
  assert.equal((await phone.call('/grpc.health.v1.Health/Check', [text('no.such.Service')])).code, 5);
});

test('reflection lists the public services in dev, and no internal one', async () => {
  const { code, messages } = await phone.call(reflection, [listServices]);
  const told = Buffer.concat(messages).toString('latin1');
  assert.equal(code, 0);
  for (const service of ['fixture.v1.ScreenService', 'fixture.v1.ForwardService', 'portico.v1.SessionService', 'grpc.health.v1.Health'])
    assert.ok(told.includes(service), service);
  for (const service of ['PublisherService', 'PlayerService']) assert.ok(!told.includes(service), service);
});

test('where reflection is off it is a method that there is not', async () => {
  const other = openRawPhone(production, 'Bearer none');
  assert.equal((await other.call(reflection, [listServices])).code, 12);
  other.close();
});
