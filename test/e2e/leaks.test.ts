// What a hundred calls that fail, hang and are cancelled leave behind: nothing. Sockets, timers, streams and upstream calls are counted before and after.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openFixture } from '../fixture/app.ts';
import { openScriptedUpstream, type ScriptedUpstream } from '../fixture/scripted-upstream.ts';
import { callOf, keptTransports, type ProtocolName, protocols, registryOf, signIn } from '../support/client/protocols.ts';
import { pageOf } from '../support/client/scrape.ts';
import type { LinkState } from '../support/link/faulty-link.ts';
import { openFaultyLink } from '../support/link/faulty-link.ts';
import { fixtureRelease, openTestServer, type TestServer } from '../support/server/test-server.ts';
import { until } from '../support/time/until.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
const longMs = 600_000;
const transportOf = keptTransports();
let server: TestServer;
let scripted: ScriptedUpstream;
let link: Awaited<ReturnType<typeof openFaultyLink>>;
let headers: { readonly authorization: string };
before(async () => {
  scripted = await openScriptedUpstream();
  link = await openFaultyLink(scripted.address);
  const { app, switches } = openFixture();
  switches.noteDelayMs = longMs;
  server = await openTestServer({ app, samples: { scripted: link.address } });
  ({ headers } = await signIn(server, registry, 'alice'));
});
after(async () => {
  await server?.close();
  await link?.close();
  scripted?.close();
});

/** Open streams as the server's own metric tells them. */
async function openStreams(): Promise<number> {
  const text = await pageOf(server.adminUrl, '/metrics');
  return Number(/^portico_streams_open(?:\{[^}]*\})? (\d+)$/m.exec(text)?.[1]);
}

function resources(): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of process.getActiveResourcesInfo()) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

const methods = [
  ['fixture.v1.ForwardService/Unary', { delayMs: longMs }],
  ['fixture.v1.ForwardService/ServerStream', { count: 1, delayMs: longMs }],
  ['fixture.v1.ForwardService/ClientStream', [{ delayMs: longMs }]],
  ['fixture.v1.ForwardService/BidiStream', [{ count: 1, delayMs: longMs }]],
  ['fixture.v1.ScreenService/GetItem', { itemId: 'a' }],
  ['fixture.v1.ScreenService/StreamItem', { itemId: 'b' }],
] as const;

/** One call of each method in each protocol, each of which does not end well. */
async function round(cancelled: boolean): Promise<void> {
  const call = async (protocol: ProtocolName, [method, request]: (typeof methods)[number]) => {
    if (protocol.endsWith('h1') && method.endsWith('BidiStream')) return;
    const leaving = new AbortController();
    const options = { headers, foreign: true, ...(cancelled ? { signal: leaving.signal } : { timeoutMs: 150 }) };
    const called = callOf(registry, transportOf(protocol, server), method, request, options);
    if (cancelled) setTimeout(() => leaving.abort(), 100);
    await called;
  };
  await Promise.all(protocols.flatMap((protocol) => methods.map((method) => call(protocol, method))));
}

async function quiet(): Promise<void> {
  await until('nothing runs at the upstream', () => scripted.running() === 0);
  await until('no stream is open', async () => (await openStreams()) === 0);
}

for (const [says, cancelled, state] of [
  ['are cancelled', true, 'open'],
  ['run out of time', false, 'open'],
  ['meet an upstream that is silent', false, 'silent'],
  ['meet an upstream that is gone', false, 'refused'],
  ['meet an upstream that talks nonsense', false, 'noise'],
] as const satisfies readonly (readonly [string, boolean, LinkState])[]) {
  test(`calls that ${says} leave nothing behind`, async () => {
    await round(cancelled); // connections that are kept are made by now
    await quiet();
    const before = resources();
    await link.become(state);
    await round(cancelled);
    await link.become('open');
    await quiet();
    let now = before;
    // Connections of the test's own clients come and go: what may not be is more of them each time.
    const grown = () => {
      now = resources();
      return Object.entries(now).filter(([name, count]) => count > (before[name] ?? 0) + 4);
    };
    await until('timers and sockets are as many as before', () => grown().length === 0, 20_000).catch(() =>
      assert.fail(`left behind: ${JSON.stringify(grown())}; before ${JSON.stringify(before)}`),
    );
    assert.ok(link.connections() <= 1, `${link.connections()} connections to the upstream`);
  });
}
