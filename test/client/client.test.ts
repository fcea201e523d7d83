// The client of src/client against a real server, by each of its transports: signed in, live, cut, and back again.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CallError } from '../../src/client/call-error.ts';
import { type Client, openClient } from '../../src/client/client.ts';
import type { Notice } from '../../src/client/live/state.ts';
import type { Outdated } from '../../src/client/outdated.ts';
import { memoryTokenStore, type TokenStore } from '../../src/client/session.ts';
import { VersionVerdict } from '../../src/gen/portico/v1/bootstrap.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { GetItemRequest, GetItemResponse, ScreenServiceDefinition } from '../fixture/gen/fixture/v1/fixture.ts';
import { openLinkTo, transportsTo } from '../support/client/client-link.ts';
import { type LiveServer, openLiveServer } from '../support/server/live-server.ts';
import { until } from '../support/time/until.ts';

const storeUrl = 'https://apps.apple.com/app/id1';
let server: LiveServer;
let link: Awaited<ReturnType<typeof openLinkTo>>;
before(async () => {
  server = await openLiveServer({
    settings: {
      'bootstrap.versions': { ios: { least: '3.9', storeUrl } },
      'bootstrap.flags': { checkout: { value: 'off', platforms: { ios: { value: 'on', least: '4.2' } } } },
    },
  });
  link = await openLinkTo(server);
});
after(async () => {
  await link?.close();
  await server?.close();
});

const transports = transportsTo(() => server);

type Opened = Client & {
  readonly notices: readonly Notice[];
  readonly tokens: TokenStore;
  readonly signedOut: readonly string[];
  of<K extends Notice['kind']>(kind: K): readonly Extract<Notice, { kind: K }>[];
};

for (const [name, transport] of Object.entries(transports))
  test(`an app reads the verdict on its version and its flags before anyone is signed in: ${name}`, async () => {
    for (const [version, verdict, flag] of [
      ['3.8.9', VersionVerdict.VERSION_VERDICT_UPDATE_REQUIRED, 'off'],
      ['4.2.0', VersionVerdict.VERSION_VERDICT_SUPPORTED, 'on'],
      ['', VersionVerdict.VERSION_VERDICT_UNSPECIFIED, 'off'],
    ] as const) {
      const client = openClient({
        transport: transport(new URL(server.url).port),
        tokens: memoryTokenStore(),
        clock: systemClock,
        random: () => 0.1,
        headers: { 'app-platform': 'ios', ...(version === '' ? {} : { 'app-version': version }) },
      });
      const { versionVerdict, storeUrl: store, flags, heartbeatMs } = await client.bootstrap.get();
      assert.deepEqual([versionVerdict, store, [...flags], heartbeatMs], [verdict, storeUrl, [['checkout', flag]], 25_000]);
      client.close();
    }
  });

for (const [name, transport] of Object.entries(transports))
  test(`an app that must be updated shows that, rests, and says it once: ${name}`, async () => {
    const notified: Outdated[] = [];
    const open = (version: string) =>
      openClient({
        transport: transport(new URL(server.url).port),
        tokens,
        clock: systemClock,
        random: () => 0.1,
        headers: { 'app-platform': 'ios', 'app-version': version },
        onOutdated: (outdated) => notified.push(outdated),
      });
    const tokens = memoryTokenStore();
    const current = open('4.2.0');
    await current.session.signIn({
      identity: { $case: 'dev', value: { user: 'alice', scopes: [] } },
      device: { platform: 'ios', name: 'a test', installationId: '' },
    });
    const { serverTime, ...first } = await current.bootstrap.get();
    const again = await current.bootstrap.get();
    assert.deepEqual(again, { ...first, serverTime: undefined }, 'nothing has changed, and nothing is sent twice');
    assert.ok(serverTime instanceof Date && first.keepaliveMs > 0);
    assert.equal(current.outdated, undefined);
    current.close();

    const old = open('3.8');
    old.live.dispatch({ type: 'start' });
    await until('the stream rests', () => old.live.state.phase === 'refused');
    const item = GetItemRequest.fromPartial({ itemId: 'x' });
    await assert.rejects(old.calls.call(ScreenServiceDefinition, 'getItem', item), { code: 'FAILED_PRECONDITION', reason: 'APP_UPDATE_REQUIRED' });
    assert.equal((await old.bootstrap.get()).versionVerdict, VersionVerdict.VERSION_VERDICT_UPDATE_REQUIRED);
    assert.deepEqual([notified.length, old.outdated?.storeUrl, notified[0]?.storeUrl], [1, storeUrl, storeUrl]);
    assert.match(old.outdated?.shown ?? '', /install the newest/);
    assert.notEqual(await tokens.load(), undefined, 'the newer app is still signed in');
    old.close();
  });

/** A client of a user, signed in, whose network is the link. */
async function openSignedIn(user: string, transport: keyof typeof transports): Promise<Opened> {
  const notices: Notice[] = [];
  const signedOut: string[] = [];
  const tokens = memoryTokenStore();
  const client = openClient({
    transport: transports[transport](link.port),
    tokens,
    clock: systemClock,
    random: () => 0.1,
    onNotice: (notice) => notices.push(notice),
    onSignedOut: (reason) => signedOut.push(reason),
  });
  const signIn = () =>
    client.session.signIn({
      identity: { $case: 'dev', value: { user, scopes: [] } },
      device: { platform: 'ios', name: 'a test', installationId: '' },
    });
  // fetch shares connections among clients, and may take one that the link has just cut
  await signIn().catch((error: unknown) => (error instanceof CallError && error.code === 'UNAVAILABLE' ? signIn() : Promise.reject(error)));
  return { ...client, notices, tokens, signedOut, of: (kind) => notices.filter((notice) => notice.kind === kind) as never };
}

const textsOf = (client: Opened) => client.of('event').map(({ event }) => Buffer.from(event.payload).toString());
const phaseIs = (client: Opened, phase: string) =>
  until(`${phase}, it is ${client.live.state.phase}`, () => client.live.state.phase === phase, 30_000);

for (const [number, name] of (Object.keys(transports) as (keyof typeof transports)[]).entries()) {
  const topic = `news:client-${number}`;
  const item = `client-${number}`;

  test(`${name}: a screen is called, called again with its etag, and refused by reason`, async () => {
    const client = await openSignedIn('alice', name);
    const call = () => client.calls.call(ScreenServiceDefinition, 'getItem', GetItemRequest.fromPartial({ itemId: item }));
    assert.equal((await call()).itemId, item);
    assert.equal((await call()).itemId, item);
    await assert.rejects(client.calls.call(ScreenServiceDefinition, 'getItem', GetItemRequest.fromPartial({ itemId: '' })), (error) => {
      assert.ok(error instanceof CallError);
      assert.deepEqual([error.code, error.reason], ['INVALID_ARGUMENT', 'REQUEST_INVALID']);
      return true;
    });
    client.close();
  });

  test(`${name}: subscribed and watched, cut, and back with what it missed`, async () => {
    const client = await openSignedIn('alice', name);
    client.live.dispatch({ type: 'subscribe', topic });
    client.live.dispatch({
      type: 'watch',
      id: 1,
      method: 'fixture.v1.ScreenService/GetItem',
      request: Buffer.from(GetItemRequest.encode(GetItemRequest.fromPartial({ itemId: item })).finish()),
    });
    client.live.dispatch({ type: 'start' });
    await phaseIs(client, 'live');
    await server.publish({ topic, text: 'one' }, { topic, text: 'two' });
    await until('both came', () => textsOf(client).length === 2);
    await until('the screen came', () => client.of('snapshot').length === 1);

    await link.become('refused');
    await until('it is seen', () => client.live.state.phase === 'waiting');
    await server.publish({ topic, text: 'three' });
    server.fixture.titles.set(item, 'renamed');
    await server.invalidate(`item:${item}`);
    await link.become('open');
    client.networkFound();
    await phaseIs(client, 'live');
    await until('what was missed came', () => textsOf(client).length === 3 && client.of('snapshot').length === 2);
    assert.deepEqual(textsOf(client), ['one', 'two', 'three']);
    assert.equal(client.of('subscribed').at(-1)?.recovered, true);
    assert.equal(GetItemResponse.decode(client.of('snapshot')[1]?.payload ?? Buffer.of()).title, 'renamed');

    client.live.dispatch({ type: 'subscribe', topic: `${topic}-late` });
    await until('a later subscription is answered', () => client.of('subscribed').some((notice) => notice.topic === `${topic}-late`));
    client.close();
  });

  test(`${name}: nothing of a user is left for the next one`, async () => {
    const client = await openSignedIn('alice', name);
    client.live.dispatch({ type: 'subscribe', topic });
    client.live.dispatch({ type: 'start' });
    await phaseIs(client, 'live');
    await client.session.signOut();
    assert.deepEqual([client.live.state.phase, client.live.state.topics.size], ['stopped', 0]);
    await assert.rejects(client.session.accessToken(), { code: 'UNAUTHENTICATED' });
    client.close();
  });

  test(`${name}: a stream that was left while the network is silent is given up`, async () => {
    const client = await openSignedIn('alice', name);
    await link.become('silent');
    try {
      client.live.dispatch({ type: 'start' });
      await until('it connects', () => link.connections() > 0);
      client.close();
      await until('no connection is left', () => link.connections() === 0, 30_000);
    } finally {
      await link.become('open');
    }
  });

  test(`${name}: a session that is ended elsewhere ends the stream, and shows the sign-in`, async () => {
    const client = await openSignedIn('bob', name);
    client.live.dispatch({ type: 'start' });
    await phaseIs(client, 'live');
    const { accessToken } = (await client.tokens.load()) as { accessToken: string };
    const other = await openSignedIn('bob', name);
    assert.notEqual(accessToken, (await other.tokens.load())?.accessToken);
    await client.calls.once('portico.v1.SessionService/SignOut', new Uint8Array(), {});
    await phaseIs(client, 'refused');
    await until('the app is notified', () => client.signedOut.length > 0 || client.of('refused').length > 0);
    client.close();
    other.close();
  });
}
