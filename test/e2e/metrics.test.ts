// Traffic of every kind against a server with real engines: each metric of docs/operating/telemetry.md is then exposed,
// scraped and pushed under one name, and every query of the alert rules and dashboards finds its metrics and labels.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { before, test } from 'node:test';
import { parse } from 'yaml';
import { callOf, keptTransports, signIn } from '../support/client/protocols.ts';
import { scraped } from '../support/client/scrape.ts';
import { openWire } from '../support/client/wire.ts';
import { sharedRedis } from '../support/redis/redis.ts';
import { chatCalls } from '../support/server/chat-server.ts';
import { callInternal, type LiveServer, liveRegistry, openLiveServer } from '../support/server/live-server.ts';
import { until } from '../support/time/until.ts';
import { openIssuer } from '../support/token/issuer.ts';
import { type Collector, openCollector } from '../support/upstream/collector.ts';

const root = resolve(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');

/**
 * What no sound traffic counts: defects, lost Redis, policies whose tags are empty, and pushes without a record.
 * docs/telemetry.test.ts finds them in the code.
 */
const rare = [
  'portico_defects_total',
  'portico_store_failures_total',
  'portico_bus_gaps_total',
  'portico_invalidate_tag_empty_total',
  'portico_push_repeated_total',
  'portico_push_loops_total',
  'portico_erasures_failures_total',
];
/** Their labels. */
const rareLabels = ['where', 'portico_store_why', 'part'];
/** Labels that come with the scrape; that of a namespace only in Kubernetes. */
const ofScrapes = ['namespace', 'job', 'instance'];

let exposed = '';
let pushed: ReadonlySet<string>;

before(async () => {
  await using stack = new AsyncDisposableStack();
  const collector: Collector = await openCollector();
  stack.defer(collector.close);
  const variables = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_METRIC_EXPORT_INTERVAL: '500' };
  Object.assign(process.env, variables); // the exporters read the process' own
  stack.defer(() => {
    for (const name of Object.keys(variables)) delete process.env[name];
  });
  const [known, gone] = [stack.use(await openIssuer('known')), stack.use(await openIssuer('gone'))];
  gone.answer = (response) => void response.writeHead(500).end();
  const issuers = [known, gone].map(({ issuer, jwksUrl }) => ({
    issuer,
    jwksUrl,
    audiences: ['api'],
    userPrefix: `${new URL(issuer).hostname.split('.')[0]}:`,
  }));
  const hook = {
    'upstreams.hook.address': '127.0.0.1:1',
    'chat.hook.upstream': 'hook',
    'chat.hook.absent': 'accept',
    'chat.reports.upstream': 'hook',
  }; // nobody listens there
  const server = stack.use(
    await openLiveServer({
      redis: await sharedRedis(),
      env: variables,
      settings: { 'auth.externalIssuers': issuers, 'push.after': '0s', 'privacy.services': ['orders'], ...hook },
    }),
  );
  await traffic(server, [known, gone]);
  exposed = await (await fetch(new URL('/metrics', server.adminUrl))).text();
  const before = collector.metrics().length;
  await until('metrics were pushed after the traffic', () => collector.metrics().length > before + 1);
  pushed = new Set(collector.metricNames());
});

async function traffic(server: LiveServer, issuers: readonly Awaited<ReturnType<typeof openIssuer>>[]): Promise<void> {
  const transport = keptTransports()('grpc h2', server);
  const { headers } = await signIn(server, liveRegistry, 'alice', ['items.write']);
  const call = (method: string, request: object, more: object = {}) => callOf(liveRegistry, transport, method, { ...request }, { headers, ...more });
  await call('fixture.v1.ScreenService/GetItem', { itemId: '7' });
  await call('fixture.v1.ScreenService/GetItem', { itemId: '7' });
  server.fixture.titles.set('partial', 'x');
  await call('fixture.v1.ForwardService/Unary', { text: 'a', failCode: 13 }, { foreign: true });
  await server.invalidate('item:7');
  for (const { sign, issuer } of issuers) {
    const seconds = Math.floor(Date.now() / 1_000);
    const token = sign({ iss: issuer, aud: 'api', sub: 'x', iat: seconds, exp: seconds + 60 }, { typ: 'at+jwt' });
    await call('fixture.v1.ScreenService/WhoAmI', {}, { headers: { authorization: `Bearer ${token}` } });
  }
  await call('fixture.v1.ScreenService/WhoAmI', {}, { headers: { authorization: 'Bearer no.token.atall' } });
  const live = await server.live('alice', { subscriptions: [{ topic: 'news:1' }] });
  await live.wait('subscribed');
  live.send({ watch: { watchId: 1, method: 'fixture.v1.ScreenService/GetItem', request: { itemId: '7' } } } as never);
  await server.publish({ topic: 'news:1', text: 'a' });
  await until('the event came', () => live.events().length === 1);
  const displaced = await Promise.all([1, 2].map(() => server.live('bob', { device: 'one' })));
  await until('one stream displaced the other', () => displaced.some((client) => client.ended() !== undefined || client.all('closed').length > 0));
  const chat = chatCalls(server);
  const chats = await Promise.all([1, 2].map(() => chat.connect('carol', { device: 'one' })));
  await until('one chat stream displaced the other', () => chats.some((client) => client.all('closed').length > 0));
  const token = { case: 'apns', value: { token: 'ab'.repeat(32) } };
  await call('portico.v1.DeviceService/RegisterPushToken', { token }, { headers: await chat.headersOf('dan') });
  await chat.post('carol', await chat.group('carol', 'dan'), 'Hello');
  await until('a report was tried', async () => {
    const headers = await chat.headersOf('dan');
    const conversationId = await chat.group('dan');
    const { seq } = await chat.post('dan', conversationId, 'Look');
    await call('portico.v1.SafetyService/ReportMessage', { conversationId, seq, reason: 1 }, { headers });
    return (await scraped(server, 'portico_chat_reports_total')) > 0;
  });
  await callInternal(server, 'EraseUser', { userId: 'nobody', requestId: randomUUID() });
  await until('a push was sent', async () => (await scraped(server, 'portico_push_sent_total')) > 0);
  const wire = await openWire(server);
  await wire.ask({ ':method': 'POST', ':path': '/no.such.Service/Method', 'content-type': 'application/grpc', te: 'trailers' });
  const stream = wire.open({
    ':method': 'POST',
    ':path': '/portico.v1.LiveService/Connect',
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  stream.on('error', () => {});
  await once(stream, 'response');
  const closed = once(stream, 'close');
  stream.close(8);
  await closed;
  for (const name of ['portico_http2_resets_total', 'portico_jwks_failures_total'])
    await until(`${name} was counted`, async () => (await scraped(server, name)) > 0);
  wire.session.goaway(0);
  await until('GOAWAY was counted', async () => (await scraped(server, 'portico_http2_goaways_total')) > 0);
}

test('every metric of the page about telemetry is exposed, and no other', () => {
  const page = [...read('docs/operating/telemetry.md').matchAll(/^\| `[a-z0-9._]+`[^|]*\| ([^|]+) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([a-z0-9_]+)`/g)].map(([, name = '']) => name),
  );
  const delays = ['p90', 'p99'].map((percentile) => `nodejs_eventloop_delay_${percentile}_seconds`);
  const names = [...exposed.matchAll(/^# TYPE (\S+) /gm)].map(([, name = '']) => name).filter((name) => name !== 'target_info');
  assert.deepEqual([...new Set([...names, ...rare])].sort(), [...new Set([...page, ...delays])].sort());
  assert.deepEqual([...pushed].sort(), [...new Set(names)].sort(), 'the same names are pushed');
});

/** Queries by where they stand. */
function queries(): readonly (readonly [where: string, query: string])[] {
  const { groups } = parse(read('helm/portico/files/alerts.yaml')) as {
    readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly expr: string }[] }[];
  };
  const folder = 'helm/portico/files/dashboards';
  type Dashboard = { readonly panels: readonly { readonly title: string; readonly targets?: readonly { readonly expr: string }[] }[] };
  const panels = readdirSync(join(root, folder)).flatMap((file) =>
    (JSON.parse(read(join(folder, file))) as Dashboard).panels.flatMap(({ title, targets = [] }) =>
      targets.map(({ expr }) => [`${file}: ${title}`, expr] as const),
    ),
  );
  return [...groups.flatMap(({ rules }) => rules.map(({ alert, expr }) => [alert, expr] as const)), ...panels];
}

/** The metrics of a query with the labels that it asks of each; "" for labels of groups. */
function asked(query: string): { readonly names: readonly string[]; readonly labels: readonly string[] } {
  const plain = query.replace(/"[^"]*"/g, '""').replace(/\[[^\]]*\]/g, '');
  const labels = [
    ...[...plain.matchAll(/\{([^}]*)\}/g)].flatMap(([, matchers = '']) => [...matchers.matchAll(/(\w+)\s*[=!]/g)].map(([, label = '']) => label)),
    ...[...plain.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(',').map((label) => label.trim())),
  ];
  const words = plain.replace(/\{[^}]*\}/g, '').replace(/\bby \([^)]*\)/g, '');
  const names = [...words.matchAll(/\b[a-z_][a-z0-9_]*\b(?!\s*\()/g)].map(([name]) => name).filter((name) => name.includes('_'));
  return { names, labels };
}

test('every query of the alerts and dashboards asks for metrics and labels that the server exposes', () => {
  const samples = new Set([...exposed.matchAll(/^([a-z_][a-z0-9_]*)[{ ]/gm)].map(([, name = '']) => name));
  const labels = new Set([...exposed.matchAll(/[{,]([a-z_][a-z0-9_]*)="/g)].map(([, label = '']) => label));
  const all = queries();
  assert.ok(all.length > 60, `${all.length} queries`);
  const wrong = all.flatMap(([where, query]) => {
    const { names, labels: wanted } = asked(query);
    assert.ok(names.length > 0, `${where}: no metric is found in ${query}`);
    const unknown = names.filter((name) => !samples.has(name) && !rare.includes(name));
    const strange = wanted.filter((label) => !labels.has(label) && !rareLabels.includes(label) && !ofScrapes.includes(label));
    return [...unknown, ...strange].map((name) => `${where}: ${name}`);
  });
  assert.deepEqual(wrong, []);
});

test('the runbook has a section for every alert, and each alert leads to it', () => {
  const { groups } = parse(read('helm/portico/files/alerts.yaml')) as {
    readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly annotations: { readonly runbook: string } }[] }[];
  };
  const rules = groups.flatMap((group) => group.rules);
  const sections = [...read('docs/operating/runbook.md').matchAll(/^## (\w+)$/gm)].map(([, name]) => name);
  assert.deepEqual(
    sections,
    rules.map(({ alert }) => alert),
  );
  for (const { alert, annotations } of rules) assert.equal(annotations.runbook, `docs/operating/runbook.md#${alert.toLowerCase()}`);
});
