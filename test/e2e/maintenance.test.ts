// Maintenance: begun by the settings or by an operator, seen by clients of every protocol, and ended by its time.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { maintenanceMaxMs } from '../../src/core/kit/maintenance-rules.ts';
import { callOf, keptTransports, protocols, signIn } from '../support/client/protocols.ts';
import { callInternal, type LiveServer, liveRegistry, openLiveServer } from '../support/server/live-server.ts';
import { until } from '../support/time/until.ts';

const texts = { en: 'We are moving.\nBack soon.', 'pt-BR': 'Estamos de mudança.' };
const transports = keptTransports();
let server: LiveServer;
let headers: { readonly authorization: string };
before(async () => {
  server = await openLiveServer();
  ({ headers } = await signIn(server, liveRegistry, 'alice'));
});
after(() => server?.close());

const change = async (maintenance: unknown) => {
  const answer = await fetch(`${server.adminUrl}/switches`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ maintenance }),
  });
  return { status: answer.status, text: await answer.text() };
};
const call = (protocol: (typeof protocols)[number], method: string, request: Record<string, unknown> = {}, more: Record<string, string> = {}) =>
  callOf(liveRegistry, transports(protocol, server), method, request, { headers: { ...headers, ...more } });
const bootstrap = async (protocol: (typeof protocols)[number], language: string) => {
  const { messages } = await callOf(
    liveRegistry,
    transports(protocol, server),
    'portico.v1.BootstrapService/GetBootstrap',
    {},
    {
      headers: { 'accept-language': language },
    },
  );
  const [{ maintenance, heartbeatMs } = {}] = messages as { readonly maintenance?: Record<string, unknown>; readonly heartbeatMs?: number }[];
  return { maintenance, heartbeatMs };
};

test('calls are refused with the text in the language of each, by every protocol; what stays open is answered', async () => {
  for (const protocol of protocols) assert.equal((await bootstrap(protocol, 'en')).maintenance, undefined, protocol);
  assert.equal((await change({ for: '10m', texts })).status, 200);
  try {
    for (const protocol of protocols)
      for (const [language, locale, text] of [
        ['en-GB', 'en', texts.en],
        ['pt', 'pt-BR', texts['pt-BR']],
        ['de', 'en', texts.en],
      ] as const) {
        const { code, decoded } = await call(protocol, 'fixture.v1.ScreenService/Echo', { text: 'x' }, { 'accept-language': language });
        assert.deepEqual(
          [code, decoded?.info?.reason, decoded?.localized],
          [14, 'MAINTENANCE', { locale, message: text }],
          `${protocol} ${language}`,
        );
        const seconds = Number(decoded?.retry?.retryDelay?.seconds);
        assert.ok(seconds > 0 && seconds <= 60, `${seconds}`);
        assert.match(decoded?.info?.metadata.get('until') ?? '', /^\d{4}-\d\d-\d\dT.*Z$/);
        const { maintenance, heartbeatMs } = await bootstrap(protocol, language);
        assert.deepEqual([maintenance?.locale, maintenance?.text, heartbeatMs], [locale, text, 25_000]);
      }
    assert.equal(
      (await call('grpc h2', 'fixture.v1.ScreenService/Echo', { text: 1 as unknown as string }, { authorization: '' })).reason,
      'MAINTENANCE',
    );
    for (const stream of ['portico.v1.LiveService/Open', 'portico.v1.ChatService/Open'])
      assert.equal((await call('connect h2', stream, { hello: {} })).reason, 'MAINTENANCE', stream);
    assert.equal((await call('connect h2', 'portico.v1.SessionService/Refresh', { refreshToken: 'x' })).reason, 'MAINTENANCE');
    assert.equal((await call('connect h2', 'portico.v1.SessionService/SignOut')).code, 0, 'a lost phone can be signed out');
    const health = await callOf(liveRegistry, transports('grpc h2', server), 'grpc.health.v1.Health/Check', { service: '' });
    assert.equal(health.messages[0]?.status, 1, 'a balancer goes on leading here, so that clients read the text');
    assert.deepEqual(await callInternal(server, 'Invalidate', { tags: ['item:1'] }).then(() => 'done'), 'done', 'internal services go on');
    const ready = await fetch(`${server.adminUrl}/readyz`);
    assert.deepEqual([ready.status, /clients are refused for maintenance until \d/.test(await ready.text())], [200, true]);
    const metrics = await (await fetch(`${server.adminUrl}/metrics`)).text();
    assert.match(metrics, /^portico_maintenance(\{.*\})? 1$/m);
    assert.doesNotMatch(metrics, /error_type="UNAVAILABLE"/, 'nothing that an alert counts');
  } finally {
    assert.equal((await change(null)).status, 200);
  }
  ({ headers } = await signIn(server, liveRegistry, 'alice'));
  assert.equal((await call('grpc h2', 'fixture.v1.ScreenService/Echo', { text: 'x' })).code, 0);
  assert.equal((await bootstrap('json h1', 'en')).maintenance, undefined);
});

test('open streams are closed with the time to come back', async () => {
  const client = await server.live('bob', { subscriptions: [{ topic: 'news:m' }] });
  await client.wait('subscribed');
  assert.equal((await change({ for: '20s', texts: {} })).status, 200);
  try {
    const { reason, advice, delayMs } = await client.wait('closed');
    assert.deepEqual([reason, advice], ['MAINTENANCE', 1]);
    assert.ok(delayMs > 0 && delayMs <= 20_000, `${delayMs}`);
    const { decoded } = await call('grpc h2', 'fixture.v1.ScreenService/Echo', { text: 'x' }, { 'accept-language': 'en' });
    assert.match(decoded?.localized?.message ?? '', /maintenance/, 'without a text of its own: that of the reason');
  } finally {
    await change(null);
  }
});

test('it ends by itself', async () => {
  assert.equal((await change({ for: '100ms' })).status, 200);
  await until('clients are served', async () => (await call('grpc h2', 'fixture.v1.ScreenService/Echo', { text: 'x' })).code === 0);
  assert.match(await (await fetch(`${server.adminUrl}/switches`)).text(), /"maintenance":null/);
});

test('what is wrong is refused with what is allowed, and changes nothing; what is shown can be sent again', async () => {
  const soon = new Date(Date.now() + 3_600_000).toISOString();
  const many = Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`a${String.fromCharCode(97 + i)}`, 'x']));
  for (const wrong of [
    true,
    'x',
    [],
    {},
    { texts },
    { for: '0s' },
    { for: '-1m' },
    { for: '8d' },
    { for: `${maintenanceMaxMs + 1}ms` },
    { for: 60 },
    { for: '1m', until: soon },
    { until: '2020-01-01T00:00:00Z' },
    { until: '2999-01-01T00:00:00Z' },
    { until: 'tomorrow' },
    { until: soon.replace('Z', '') },
    { for: '1m', text: 'x' },
    { for: '1m', texts: [] },
    { for: '1m', texts: 'x' },
    { for: '1m', texts: { en: '' } },
    { for: '1m', texts: { en: ' ' } },
    { for: '1m', texts: { en: 7 } },
    { for: '1m', texts: { 'not a tag': 'x' } },
    { for: '1m', texts: { en: 'ä'.repeat(257) } },
    { for: '1m', texts: { en: 'a\u0000b' } },
    { for: '1m', texts: { en: '\u001b[31mred' } },
    { for: '1m', texts: { en: 'safe \u202e gpj.exe' } },
    { for: '1m', texts: { en: '\ud800' } },
    { for: '1m', texts: many },
  ]) {
    const { status, text } = await change(wrong);
    assert.deepEqual([status, /^maintenance: .* is not allowed\. Write null, or/.test(text)], [400, true], JSON.stringify(wrong));
  }
  assert.equal((await call('grpc h2', 'fixture.v1.ScreenService/Echo', { text: 'x' })).code, 0);
  const whole = Object.fromEntries(
    Object.keys(many)
      .slice(0, 20)
      .map((tag) => [tag, 'ä'.repeat(256)]),
  );
  const begun = JSON.parse((await change({ until: soon, texts: whole })).text) as { readonly maintenance: unknown };
  assert.deepEqual(begun.maintenance, { until: soon, texts: whole }, 'as much as is allowed');
  assert.deepEqual(JSON.parse((await change(begun.maintenance)).text), begun);
  await change(null);
});

test('the settings begin it at the start, and a time that is too far away is refused', async () => {
  const at = (ms: number) => new Date(Date.now() + ms).toISOString();
  {
    await using closed = await openLiveServer({ settings: { maintenance: { until: at(60_000), texts: { en: 'Planned.' } } } });
    const refused = await callOf(liveRegistry, transports('grpc h2', closed), 'portico.v1.SessionService/SignIn', {});
    assert.deepEqual([refused.reason, refused.decoded?.localized?.message], ['MAINTENANCE', 'Planned.']);
  }
  {
    await using open = await openLiveServer({ settings: { maintenance: { until: at(-1_000) } } });
    assert.ok(await signIn(open, liveRegistry, 'carol'), 'a time that has passed does nothing');
  }
  await assert.rejects(
    openLiveServer({ settings: { maintenance: { until: at(maintenanceMaxMs + 60_000) } } }),
    /maintenance\.until: .* more than 7 days away/,
  );
  await assert.rejects(
    openLiveServer({ settings: { maintenance: { until: 'soon' } } }),
    /maintenance\.until .*: "soon" is not allowed\. Write a time with its zone/,
  );
  await assert.rejects(openLiveServer({ settings: { maintenance: { until: at(60_000), texts: { en: '\u0007' } } } }), /maintenance\.texts/);
});
