import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { callOf, registryOf, signIn, transportOf } from '../support/client/protocols.ts';
import { type FixtureServer, openFixtureServer } from '../support/server/fixture-server.ts';
import { fixtureRelease } from '../support/server/test-server.ts';
import { type ShiftedClock, shiftedClock } from '../support/time/shifted-clock.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
const service = 'portico.v1.SessionService';
let clock: ShiftedClock;
let server: FixtureServer;
before(async () => {
  clock = shiftedClock();
  server = await openFixtureServer({ clock });
});
after(() => server?.close());

type Headers = { readonly authorization: string };
type Protocol = 'grpc h2' | 'json h2';
const call = (protocol: Protocol, method: string, request: Record<string, unknown>, headers: Headers, at: { url: string; ca: string } = server) =>
  callOf(registry, transportOf(protocol, at), method, request, { headers });
const whoAmI = async (protocol: Protocol, headers: Headers, at?: { url: string; ca: string }) =>
  (await call(protocol, 'fixture.v1.ScreenService/WhoAmI', {}, headers, at)).reason ?? 'ok';
const devicesOf = async (headers: Headers) =>
  (await call('json h2', `${service}/ListDevices`, {}, headers)).messages[0]?.devices as {
    sessionId: string;
    current: boolean;
    device: { name: string };
  }[];

async function until(holds: () => boolean) {
  for (let i = 0; i < 2_000 && !holds(); i++) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(holds());
}

/** Opens a forwarded stream that waits for a minute between its answers. @returns what it will end with */
async function openStream(protocol: Protocol, headers: Headers, method: 'ServerStream' | 'BidiStream' = 'BidiStream', at = server) {
  const before = at.scripted.running();
  const ended = call(protocol, `fixture.v1.ForwardService/${method}`, { text: 'x', count: 2, delayMs: 60_000 }, headers, at);
  await until(() => at.scripted.running() > before);
  return { ended };
}

const noneRuns = () => until(() => server.scripted.running() === 0);

for (const protocol of ['grpc h2', 'json h2'] as const) {
  test(`${protocol}: a user sees the devices of their own, the newest first and this one marked`, async () => {
    const user = `lister-${protocol.replace(' ', '-')}`;
    const one = await signIn(server, registry, user);
    clock.shift(1_000);
    const two = await signIn(server, registry, user);
    await signIn(server, registry, 'somebody');
    const devices = await devicesOf(two.headers);
    assert.deepEqual(
      devices.map(({ sessionId, current, device }) => [sessionId, current, device.name]),
      [
        [two.sessionId, true, 'a test'],
        [one.sessionId, false, 'a test'],
      ],
    );
  });

  test(`${protocol}: more than a hundred devices are listed by pages, each once, also while others sign in and out`, async () => {
    const user = `collector-${protocol.replace(' ', '-')}`;
    const all = await Promise.all(Array.from({ length: 130 }, () => signIn(server, registry, user)));
    const { headers } = all[0] as (typeof all)[number];
    const pageOf = async (request: Record<string, unknown>) => {
      const { messages, code } = await call(protocol, `${service}/ListDevices`, request, headers);
      assert.equal(code, 0);
      return messages[0] as { devices: { sessionId: string; signedInAt: unknown }[]; nextPageToken: string };
    };
    const first = await pageOf({});
    assert.deepEqual([first.devices.length, first.nextPageToken.length], [100, 30]);
    const second = await pageOf({ pageToken: first.nextPageToken });
    assert.deepEqual([second.devices.length, second.nextPageToken], [30, '']);
    assert.equal((await pageOf({ pageSize: 1_000 })).devices.length, 100);
    clock.shift(1_000);
    const seen: string[] = [];
    for (let pageToken: string | undefined; pageToken !== ''; ) {
      const { devices, nextPageToken } = await pageOf({ pageSize: 40, pageToken });
      seen.push(...devices.map(({ sessionId }) => sessionId));
      pageToken = nextPageToken;
      await signIn(server, registry, user); // newer than all of the list
      await call(protocol, `${service}/RevokeDevice`, { sessionId: devices.at(-1)?.sessionId }, headers); // the page's end
    }
    const ids = all.map(({ sessionId }) => sessionId);
    assert.deepEqual([...seen].sort(), [...ids].sort());
  });

  test(`${protocol}: a page token that was made up is refused, or lists the caller's own devices`, async () => {
    const { headers } = await signIn(server, registry, 'alice');
    const bob = await signIn(server, registry, `bob-${protocol.replace(' ', '-')}`);
    // The last two: the year 10889, and bits beyond the last byte.
    for (const pageToken of ['x', 'a'.repeat(31), `${'a'.repeat(29)}=`, ' '.repeat(30), '_'.repeat(30), 'AZ'.repeat(15)])
      assert.equal((await call(protocol, `${service}/ListDevices`, { pageToken }, headers)).reason, 'REQUEST_INVALID', pageToken);
    assert.equal((await call(protocol, `${service}/ListDevices`, { pageSize: -1 }, headers)).reason, 'REQUEST_INVALID');
    for (const [pageToken, most] of [
      ['5nfSH9v______________________w', 1], // the end of the year 9999
      ['A'.repeat(30), 0],
      [`${'AZ'.repeat(14)}AA`, 0],
    ] as const) {
      const { code, messages } = await call(protocol, `${service}/ListDevices`, { pageToken }, bob.headers);
      const { devices } = messages[0] as { devices: unknown[] };
      assert.deepEqual([code, devices.length], [0, most], pageToken);
    }
  });

  test(`${protocol}: signing a device out ends its remembered token and its open streams at once, and no other's`, async () => {
    const user = `revoker-${protocol.replace(' ', '-')}`;
    const client = await signIn(server, registry, user);
    const lost = await signIn(server, registry, user);
    assert.equal(await whoAmI(protocol, lost.headers), 'ok');
    const streaming = await openStream(protocol, lost.headers);
    const mine = await openStream(protocol, client.headers);
    const gone = await call(protocol, `${service}/RevokeDevice`, { sessionId: lost.sessionId }, client.headers);
    assert.equal(gone.code, 0);
    const ended = await streaming.ended;
    assert.deepEqual([ended.code, ended.reason], [16, 'SESSION_REVOKED']);
    assert.equal(await whoAmI(protocol, lost.headers), 'SESSION_REVOKED');
    assert.equal(await whoAmI(protocol, client.headers), 'ok');
    await until(() => server.scripted.running() === 1); // the other device's goes on
    assert.equal((await call(protocol, `${service}/Refresh`, { refreshToken: lost.refreshToken }, client.headers)).reason, 'SESSION_REVOKED');
    assert.equal((await call(protocol, `${service}/RevokeDevice`, { sessionId: lost.sessionId }, client.headers)).reason, 'DEVICE_UNKNOWN');
    await call(protocol, `${service}/SignOut`, {}, client.headers);
    assert.equal((await mine.ended).reason, 'SESSION_REVOKED');
    await noneRuns();
  });

  test(`${protocol}: nobody signs out a stranger's device, nor learns whether there is one`, async () => {
    const { sessionId, headers } = await signIn(server, registry, 'alice');
    const bob = await signIn(server, registry, 'bob');
    const tried = await call(protocol, `${service}/RevokeDevice`, { sessionId }, bob.headers);
    const unknown = await call(protocol, `${service}/RevokeDevice`, { sessionId: '00000000-0000-4000-8000-000000000000' }, bob.headers);
    assert.deepEqual([tried.code, tried.reason], [5, 'DEVICE_UNKNOWN']);
    assert.deepEqual(
      [unknown.code, unknown.reason, unknown.message.replace(/\S{36}/, '')],
      [5, 'DEVICE_UNKNOWN', tried.message.replace(/\S{36}/, '')],
    );
    assert.equal(await whoAmI(protocol, headers), 'ok');
  });

  test(`${protocol}: signing out everywhere ends all sessions of the user, each open stream with them`, async () => {
    const user = `everywhere-${protocol.replace(' ', '-')}`;
    const all = [await signIn(server, registry, user), await signIn(server, registry, user), await signIn(server, registry, user)];
    const bob = await signIn(server, registry, 'bob');
    const streams: Promise<{ readonly reason: string | undefined }>[] = [];
    for (const { headers } of all) streams.push((await openStream(protocol, headers, 'ServerStream')).ended);
    const out = await call(protocol, `${service}/SignOut`, { everywhere: true }, all[0]?.headers ?? bob.headers);
    assert.equal(out.messages[0]?.sessionsEnded, 3);
    for (const { reason } of await Promise.all(streams)) assert.equal(reason, 'SESSION_REVOKED');
    for (const { headers } of all) assert.equal(await whoAmI(protocol, headers), 'SESSION_REVOKED');
    assert.equal(await whoAmI(protocol, bob.headers), 'ok');
    await noneRuns();
  });

  test(`${protocol}: a stream ends with TOKEN_EXPIRED when its token does, and not sooner`, async () => {
    const { headers } = await signIn(server, registry, 'alice');
    const streaming = await openStream(protocol, headers);
    let over = false;
    void streaming.ended.then(() => {
      over = true;
    });
    clock.shift(595_000);
    assert.equal(await whoAmI(protocol, headers), 'ok');
    assert.equal(over, false);
    clock.shift(11_000);
    const ended = await streaming.ended;
    assert.deepEqual([ended.code, ended.reason], [16, 'TOKEN_EXPIRED']);
    assert.equal(await whoAmI(protocol, headers), 'TOKEN_EXPIRED');
    await noneRuns();
  });
}

test('another replica learns of a sign-out from SQL within a second: remembered tokens, open streams, and one that was started later', async () => {
  const shared = { databaseUrl: server.databaseUrl, dataDir: server.dataDir };
  await using other = await openFixtureServer({ clock, shared });
  const { headers } = await signIn(server, registry, 'alice');
  assert.equal(await whoAmI('grpc h2', headers, other), 'ok');
  const streaming = await openStream('grpc h2', headers, 'BidiStream', other);
  await call('grpc h2', `${service}/SignOut`, {}, headers);
  clock.shift(1_000);
  assert.equal((await streaming.ended).reason, 'SESSION_REVOKED');
  assert.equal(await whoAmI('json h2', headers, other), 'SESSION_REVOKED');
  await using later = await openFixtureServer({ clock, shared });
  assert.equal(await whoAmI('grpc h2', headers, later), 'SESSION_REVOKED');
});
