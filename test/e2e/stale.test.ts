// An answer whose time is over covers for an upstream that fails, and says that it is old; a partial answer never takes its place.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../src/core/kit/clock.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { type Fixture, openFixture } from '../fixture/app.ts';
import { openScriptedUpstream, type ScriptedUpstream } from '../fixture/scripted-upstream.ts';
import { callOf, keptTransports, type Outcome, protocols, registryOf, signIn } from '../support/client/protocols.ts';
import { fixtureRelease, openTestServer, type TestServer } from '../support/server/test-server.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
let aheadMs = 0;
const clock: Clock = { ...systemClock, nowMs: () => systemClock.nowMs() + aheadMs };

const transportOf = keptTransports();
let server: TestServer;
let scripted: ScriptedUpstream;
let fixture: Fixture;
let headers: { readonly authorization: string };
before(async () => {
  scripted = await openScriptedUpstream();
  fixture = openFixture();
  server = await openTestServer({ app: fixture.app, clock, samples: { scripted: scripted.address }, settings: { 'auth.accessTokenTtl': '1h' } });
  ({ headers } = await signIn(server, registry, 'alice'));
});
after(async () => {
  await server?.close();
  scripted?.close();
});

for (const [i, protocol] of protocols.entries()) {
  const itemId = `item-${i}`;
  const getItem = (method = 'GetItem', sent: Readonly<Record<string, string>> = headers): Promise<Outcome> =>
    callOf(registry, transportOf(protocol, server), `fixture.v1.ScreenService/${method}`, { itemId }, { headers: sent });

  test(`${protocol}: an old answer stands in for a required part that fails, and says its age`, async () => {
    aheadMs = i * 100_000;
    Object.assign(fixture.switches, { titleFailCode: 0, noteFailCode: 0 });
    const whole = await getItem();
    assert.equal(whole.code, 0, whole.message);
    aheadMs += 95_000; // ttl and stale-while-revalidate are over
    fixture.switches.titleFailCode = 14;
    const old = await getItem();
    assert.deepEqual([old.code, old.headers.get('portico-cache'), old.headers.get('etag')], [0, 'stale', whole.headers.get('etag')]);
    assert.ok(Number(old.headers.get('portico-stale')) >= 95);
    assert.equal(old.messages[0]?.revision, whole.messages[0]?.revision);
    const streamed = await getItem('StreamItem');
    assert.deepEqual([streamed.code, streamed.messages.length, streamed.messages[0]?.revision], [0, 1, whole.messages[0]?.revision]);
    assert.ok(Number(streamed.trailers.get('portico-stale')) >= 95);
    const knowing = await getItem('StreamItem', { ...headers, 'if-none-match': String(whole.headers.get('etag')) });
    const said = [...knowing.headers, ...knowing.trailers].map(([key]) => key);
    assert.deepEqual([knowing.code, knowing.messages[0]?.revision], [0, whole.messages[0]?.revision], 'a stream sends what it speaks of');
    assert.ok(!said.includes('portico-not-modified'));
  });

  test(`${protocol}: a refusal is no failure that an old answer may cover`, async () => {
    for (const code of [7, 16]) {
      fixture.switches.titleFailCode = code;
      assert.equal((await getItem()).reason, 'UPSTREAM_REFUSED');
      assert.equal((await getItem('StreamItem')).reason, 'UPSTREAM_REFUSED');
    }
  });

  test(`${protocol}: a partial answer comes as it is, and the old one is still there after it`, async () => {
    Object.assign(fixture.switches, { titleFailCode: 0, noteFailCode: 13 });
    const partial = await getItem();
    assert.deepEqual([partial.code, partial.headers.get('etag')], [0, null]);
    assert.deepEqual(
      (
        partial.messages as unknown as readonly [{ readonly missingParts: readonly { readonly name: string; readonly reason: string }[] }]
      )[0].missingParts.map(({ name, reason }) => [name, reason]),
      [['note', 'UPSTREAM_FAILED']],
    );
    await sleep(300); // an answer with parts missing is good for another moment
    fixture.switches.titleFailCode = 14;
    assert.equal((await getItem()).headers.get('portico-cache'), 'stale');
  });
}
