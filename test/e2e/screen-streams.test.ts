// The stream form of a screen: what is remembered at once; else whole answers so far with the parts still pending, and the last one whole and stored.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Fixture, openFixture } from '../fixture/app.ts';
import { openScriptedUpstream, type ScriptedUpstream } from '../fixture/scripted-upstream.ts';
import { callOf, keptTransports, type Options, type ProtocolName, protocols, registryOf, signIn } from '../support/client/protocols.ts';
import { fixtureRelease, openTestServer, type TestServer } from '../support/server/test-server.ts';
import { until } from '../support/time/until.ts';

type Item = { readonly title: string; readonly note?: string; readonly pendingParts: readonly string[]; readonly missingParts: readonly object[] };

const registry = registryOf(fixtureRelease.descriptorSet);
const transportOf = keptTransports();
let server: TestServer;
let scripted: ScriptedUpstream;
let fixture: Fixture;
let headers: { readonly authorization: string };
before(async () => {
  scripted = await openScriptedUpstream();
  fixture = openFixture();
  server = await openTestServer({ app: fixture.app, samples: { scripted: scripted.address } });
  ({ headers } = await signIn(server, registry, 'alice'));
});
after(async () => {
  await server?.close();
  scripted?.close();
});

async function call(protocol: ProtocolName, method: string, itemId: string, options: Options = {}) {
  const outcome = await callOf(registry, transportOf(protocol, server), `fixture.v1.ScreenService/${method}`, { itemId }, { headers, ...options });
  return { ...outcome, items: outcome.messages as unknown as readonly Item[] };
}

/** Says the client's time without the client's own timer. */
function within(protocol: ProtocolName, ms: number): Record<string, string> {
  return { ...headers, ...(/^(connect|json)/.test(protocol) ? { 'connect-timeout-ms': String(ms) } : { 'grpc-timeout': `${ms}m` }) };
}

for (const protocol of protocols) {
  test(`${protocol}: a screen comes so far, then whole, and is stored with the etag of its end`, async () => {
    const itemId = `${protocol.replace(' ', '-')}-cold`;
    fixture.switches.noteDelayMs = 300;
    const { items, code, trailers } = await call(protocol, 'StreamItem', itemId);
    assert.equal(code, 0);
    assert.deepEqual(
      items.map(({ note, pendingParts, missingParts }) => [note, pendingParts, missingParts]),
      [
        [undefined, ['note'], []],
        [`note of ${itemId}`, [], []],
      ],
    );
    const stored = await call(protocol, 'GetItem', itemId);
    assert.deepEqual([stored.headers.get('portico-cache'), stored.headers.get('etag')], ['hit', trailers.get('etag')]);
    assert.ok(trailers.get('etag'));
    const again = await call(protocol, 'StreamItem', itemId);
    assert.deepEqual([again.items.length, again.items[0]?.note, again.headers.get('portico-cache')], [1, `note of ${itemId}`, 'hit']);
  });

  test(`${protocol}: a part that does not come in time is missing at the end, and nothing is stored`, async () => {
    const itemId = `${protocol.replace(' ', '-')}-late`;
    fixture.switches.noteDelayMs = 600_000;
    let outcome = await call(protocol, 'StreamItem', itemId, { headers: within(protocol, 500) });
    // A busy machine may need longer for the part that does come.
    for (let ms = 1_000; outcome.reason === 'DEADLINE_EXCEEDED' && ms <= 4_000; ms *= 2)
      outcome = await call(protocol, 'StreamItem', itemId, { headers: within(protocol, ms) });
    const { items, code, reason, trailers } = outcome;
    assert.deepEqual([code, reason, items.length], [0, undefined, 2]);
    assert.deepEqual(items[1]?.pendingParts, []);
    assert.equal(trailers.get('etag'), null);
    assert.deepEqual(
      items[1]?.missingParts.map((part) => (part as { reason: string }).reason),
      ['UPSTREAM_TIMEOUT'],
    );
    await until('the late part is cancelled', () => scripted.running() === 0);
    fixture.switches.noteDelayMs = 0;
    assert.equal((await call(protocol, 'GetItem', itemId)).headers.get('portico-cache'), 'miss');
  });

  test(`${protocol}: a required part that fails ends the stream with its reason`, async () => {
    Object.assign(fixture.switches, { titleFailCode: 13, noteDelayMs: 600_000 });
    const { items, reason } = await call(protocol, 'StreamItem', 'failing');
    fixture.switches.titleFailCode = 0;
    assert.deepEqual([items.length, reason], [0, 'UPSTREAM_FAILED']);
    await until('the other part is cancelled', () => scripted.running() === 0);
  });

  test(`${protocol}: a client that leaves after the first answer cancels the parts on their way`, async () => {
    const itemId = `${protocol.replace(' ', '-')}-left`;
    fixture.switches.noteDelayMs = 600_000;
    const leaving = new AbortController();
    const { items } = await call(protocol, 'StreamItem', itemId, { signal: leaving.signal, onMessage: () => leaving.abort() });
    assert.equal(items.length, 1);
    await until('nothing runs at the upstream', () => scripted.running() === 0);
    fixture.switches.noteDelayMs = 0;
    assert.equal((await call(protocol, 'GetItem', itemId)).headers.get('portico-cache'), 'miss');
  });
}
