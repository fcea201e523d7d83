// Apps whose version must be updated: refused by every protocol and kind of call, but for what such an app still needs.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { http1 } from '../support/client/http.ts';
import { callOf, keptTransports, protocols, signIn } from '../support/client/protocols.ts';
import { type LiveServer, liveRegistry, openLiveServer } from '../support/server/live-server.ts';

const storeUrl = 'https://apps.apple.com/app/id1';
const transports = keptTransports();
let server: LiveServer;
let headers: { readonly authorization: string };
before(async () => {
  server = await openLiveServer({ settings: { 'bootstrap.versions': { ios: { least: '3.9', blocked: ['4.1.7', '4.2.0+77'], storeUrl } } } });
  ({ headers } = await signIn(server, liveRegistry, 'alice'));
});
after(() => server?.close());

type Protocol = (typeof protocols)[number];
const call = (
  protocol: Protocol,
  method: string,
  request: Readonly<Record<string, unknown>> | readonly Readonly<Record<string, unknown>>[],
  more: Readonly<Record<string, string>>,
) => callOf(liveRegistry, transports(protocol, server), method, request, { headers: { ...headers, ...more } });
const app = (version: string, platform = 'ios') => ({ 'app-platform': platform, 'app-version': version });
const [echo, bootstrap] = ['fixture.v1.ScreenService/Echo', 'portico.v1.BootstrapService/GetBootstrap'];
const [supported, required, unknown] = [1, 3, 0];

for (const protocol of protocols)
  test(`each version is refused or answered as the settings say, and named so by GetBootstrap: ${protocol}`, async () => {
    for (const [said, verdict] of [
      [{}, unknown],
      [{ 'app-platform': 'ios' }, unknown],
      [{ 'app-version': '1.0' }, unknown],
      [app('newest'), unknown],
      [app('1.2.3.4.5'), unknown],
      [app('1.0', 'toaster'), unknown],
      [app('3.8.99'), required],
      [app('3.8', 'iOS'), required],
      [app('3.9'), supported],
      [app('3.10'), supported],
      [app('4.1.7'), required],
      [app('4.1.7+3'), required],
      [app('4.2.0'), supported],
      [app('4.2.0+77'), required],
      [app('4.2.0 (77)'), required],
      [app('4.2.0+78'), supported],
    ] as const) {
      const named = `${protocol} ${JSON.stringify(said)}`;
      const { code, reason, decoded } = await call(protocol, echo, { text: 'x' }, { ...said, 'accept-language': 'en' });
      const known = await call(protocol, bootstrap, {}, said);
      assert.deepEqual([known.code, known.messages[0]?.versionVerdict], [0, verdict], named);
      if (verdict !== required) {
        assert.equal(code, 0, `${named}: ${reason}`);
        continue;
      }
      assert.deepEqual(
        [code, reason, decoded?.info?.metadata.get('storeUrl'), decoded?.info?.metadata.get('least')],
        [9, 'APP_UPDATE_REQUIRED', storeUrl, '3.9'],
        named,
      );
      assert.match(decoded?.localized?.message ?? '', /not supported any more/);
      assert.deepEqual([known.messages[0]?.storeUrl, known.messages[0]?.blockedVersions], [storeUrl, ['4.1.7', '4.2.0+77']], named);
    }
  });

test('every kind of call is refused before its token or its request is read', async () => {
  const old = app('1.0');
  for (const [protocol, method, request] of [
    ['grpc h2', 'portico.v1.LiveService/Connect', [{}]],
    ['grpc h2', 'portico.v1.ChatService/Connect', [{}]],
    ['connect h2', 'portico.v1.LiveService/Open', {}],
    ['grpc-web h1', 'portico.v1.ChatService/Open', {}],
    ['grpc h2', 'portico.v1.MediaService/Upload', [{}]],
    ['json h1', 'portico.v1.SessionService/SignIn', {}],
    ['connect h1', 'portico.v1.SessionService/Refresh', { refreshToken: 'x' }],
    ['grpc h2', 'fixture.v1.ScreenService/StreamItem', { itemId: '' }],
  ] as const)
    for (const authorization of [headers.authorization, 'Bearer nonsense']) {
      const { reason } = await call(protocol, method, request, { ...old, authorization });
      assert.equal(reason, 'APP_UPDATE_REQUIRED', `${protocol} ${method}`);
    }
  const { status } = await http1(server)('GET', `/media/${'0'.repeat(8)}-0000-4000-8000-000000000000`, { ...headers, ...old });
  assert.ok(status >= 400 && status < 500 && status !== 401, `the plain HTTP of attachments: ${status}`);
});

test('an outdated app can sign out, and is not unhealthy', async () => {
  const old = app('1.0');
  const health = await callOf(liveRegistry, transports('grpc h2', server), 'grpc.health.v1.Health/Check', { service: '' }, { headers: old });
  assert.equal(health.messages[0]?.status, 1);
  const { headers: own, sessionId } = await signIn(server, liveRegistry, 'bob');
  const other = await signIn(server, liveRegistry, 'bob');
  const revoke = { sessionId: other.sessionId };
  assert.notEqual(sessionId, other.sessionId);
  assert.equal((await call('grpc h2', 'portico.v1.SessionService/RevokeDevice', revoke, { ...old, ...own })).code, 0);
  assert.equal((await call('connect h1', 'portico.v1.SessionService/SignOut', {}, { ...old, ...own })).code, 0);
});

test('an answer of GetBootstrap that has not changed is empty, by every protocol', async () => {
  for (const protocol of protocols) {
    const first = await call(protocol, bootstrap, {}, app('4.2.0'));
    const etag = first.headers.get('etag') ?? '';
    assert.match(etag, /^"[\w-]{22}"$/);
    assert.equal(first.messages[0]?.keepaliveMs, 45_000);
    const again = await call(protocol, bootstrap, {}, { ...app('4.2.0'), 'if-none-match': etag });
    assert.deepEqual([again.code, again.headers.get('portico-not-modified'), again.messages[0]?.serverTime], [0, '1', undefined], protocol);
    const later = await call(protocol, bootstrap, {}, app('4.2.0'));
    assert.equal(later.headers.get('etag'), etag, 'the time of the server is no change');
    const other = await call(protocol, bootstrap, {}, { ...app('4.1.7'), 'if-none-match': etag });
    assert.deepEqual([other.headers.get('portico-not-modified'), other.messages[0]?.versionVerdict], [null, required], protocol);
  }
});

test('a Connect GET of it is answered with 304, and no HTTP cache serves it unasked', async () => {
  const path = `/${bootstrap}?encoding=json&message=${encodeURIComponent('{}')}&connect=v1`;
  const first = await http1(server)('GET', path, app('4.2.0'));
  assert.deepEqual([first.status, first.headers['cache-control']], [200, 'private, no-cache']);
  const again = await http1(server)('GET', path, { ...app('4.2.0'), 'if-none-match': String(first.headers.etag) });
  assert.deepEqual([again.status, again.body.length], [304, 0]);
});
