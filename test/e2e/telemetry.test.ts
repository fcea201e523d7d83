// Fields marked debug_redact, tokens and bodies are searched for in every byte that the server tells of its calls: access log, its own log, spans, pushed and scraped metrics, errors.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openFixture } from '../fixture/app.ts';
import { openScriptedUpstream, type ScriptedUpstream } from '../fixture/scripted-upstream.ts';
import { http2 } from '../support/client/http.ts';
import { callOf, protocols, registryOf, signIn, transportOf } from '../support/client/protocols.ts';
import { pageOf } from '../support/client/scrape.ts';
import { fixtureRelease, openTestServer, type TestServer } from '../support/server/test-server.ts';
import { until } from '../support/time/until.ts';
import { type Collector, openCollector } from '../support/upstream/collector.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
const secret = 'hush-0123456789';
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const parentSpanId = '00f067aa0ba902b7';

let folder: string;
let collector: Collector;
let scripted: ScriptedUpstream;
let server: TestServer;
let scraped = '';
let lines: readonly Record<string, unknown>[] = [];
let logText = '';
const told: string[] = [];
const tokens: string[] = [];

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'portico-telemetry-'));
  collector = await openCollector();
  scripted = await openScriptedUpstream();
  // The exporters read the process' own variables.
  Object.assign(process.env, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_METRIC_EXPORT_INTERVAL: '500', OTEL_BSP_SCHEDULE_DELAY: '200' });
  const file = join(folder, 'access.log');
  const fixture = openFixture();
  server = await openTestServer({
    app: fixture.app,
    samples: { scripted: scripted.address },
    settings: { 'telemetry.accessLog': file, 'telemetry.sampleRatio': 1 },
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_METRIC_EXPORT_INTERVAL: '500' },
  });
  try {
    await everyWay(fixture);
    scraped = await pageOf(server.adminUrl, '/metrics');
    await until('metrics were pushed', () => collector.metrics().length > 0);
  } finally {
    await server.close();
  }
  logText = readFileSync(file, 'utf8');
  lines = logText
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
});
after(async () => {
  for (const key of ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_METRIC_EXPORT_INTERVAL', 'OTEL_BSP_SCHEDULE_DELAY']) delete process.env[key];
  scripted?.close();
  await collector?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Calls that carry the secret and end well, by a rule that it breaks, by a defect of the screen, and unreadable. */
async function everyWay({ titles }: ReturnType<typeof openFixture>): Promise<void> {
  const { headers, accessToken, refreshToken } = await signIn(server, registry, 'alice');
  tokens.push(accessToken, refreshToken);
  const traced = {
    ...headers,
    traceparent: `00-${traceId}-${parentSpanId}-00`,
    tracestate: 'rojo=00f067aa0ba902b7, congo=t61rcWkgMzE',
    baggage: `user=${secret}`,
    'app-version': '1.2.3',
    'app-platform': 'ios',
  };
  for (const protocol of protocols) {
    const call = async (method: string, request: object, extra: object = {}) => {
      const { message, decoded } = await callOf(
        registry,
        transportOf(protocol, server),
        `fixture.v1.${method}`,
        { ...request },
        { headers: traced, ...extra },
      );
      told.push(message, JSON.stringify(decoded?.badRequest ?? ''), JSON.stringify(decoded?.info ?? ''));
    };
    await call('ScreenService/Echo', { text: 'a', secret });
    await call('ScreenService/Echo', { secret: `${secret}-is-too-long` });
    await call('ScreenService/GetItem', { itemId: '7' });
    await call('ForwardService/Unary', { text: secret, failCode: 0 });
    await call('ForwardService/ServerStream', { text: 'a', count: 2 });
    await call('ForwardService/ServerStream', { text: 'a', count: 2, failCode: 9, failAfter: 1 }, { foreign: true });
    const leaving = new AbortController();
    await call('ForwardService/ServerStream', { text: 'a', count: 99, delayMs: 10 }, { signal: leaving.signal, onMessage: () => leaving.abort() });
    titles.set('broken', 'x');
  }
  const unreadable = await http2(server)(
    'POST',
    '/fixture.v1.ScreenService/Echo',
    { 'content-type': 'application/json' },
    `{"items":"${secret}","secret":{"a":"${secret}"}}`,
  );
  told.push(unreadable.body.toString());
  await until('every stream was told of', () => scripted.running() === 0);
}

test('no secret and no token is in any byte of log, spans, metrics and errors', () => {
  const bytes = Buffer.concat([...collector.traces(), ...collector.metrics()]).toString('latin1');
  assert.ok(bytes.includes('fixture.v1.ScreenService/Echo'), 'the collector got no spans: nothing is shown');
  for (const hidden of [secret, ...tokens])
    for (const [where, text] of [
      ['the access log', logText],
      ['spans and pushed metrics', bytes],
      ['scraped metrics', scraped],
      ['errors', told.join('\n')],
    ] as const)
      assert.ok(!text.includes(hidden), `${hidden.slice(0, 20)} is in ${where}`);
});

test("the client's trace goes on, is decided anew, and its baggage ends here", () => {
  const spans = collector.spans();
  const servers = spans.filter((span) => span.name === 'fixture.v1.ForwardService/Unary' && span.kind === 2);
  assert.equal(servers.length, protocols.length);
  for (const span of servers) {
    assert.deepEqual([span.traceId, span.parentSpanId], [traceId, parentSpanId]); // not sampled by the client, sampled by us
    const clients = spans.filter(({ parentSpanId: parent, kind }) => parent === span.spanId && kind === 3);
    assert.deepEqual(
      clients.map(({ name, traceId: id }) => [name, id]),
      [['fixture.v1.ScriptedService/Unary', traceId]],
    );
  }
  const sent = scripted.lastMetadata();
  assert.match(String(sent?.get('traceparent')), new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`));
  assert.equal(sent?.get('tracestate'), 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE');
  assert.equal(sent?.get('baggage'), undefined);
});

test('Prometheus sees the same names whether it scrapes or is pushed to', () => {
  const pushed = new Set(collector.metricNames());
  const names = [...scraped.matchAll(/^# TYPE (\S+) /gm)].map(([, name = '']) => name).filter((name) => name !== 'target_info');
  assert.ok(names.includes('rpc_server_call_duration_seconds'));
  assert.ok(names.includes('portico_cache_requests_total'));
  assert.deepEqual([...pushed].sort(), [...new Set(names)].sort());
});

test('a line of the access log has its call, its trace and how it ended', () => {
  const line = lines.find((candidate) => candidate['rpc.method'] === 'fixture.v1.ScreenService/GetItem' && candidate.protocol === 'grpc');
  assert.ok(line);
  for (const key of ['time', 'level', 'service.name', 'service.version', 'trace_id', 'span_id', 'duration_ms', 'bytes_in', 'bytes_out', 'user.hash'])
    assert.notEqual(line[key], undefined, key);
  assert.deepEqual([line.msg, line['rpc.status_code'], line.peer, line['app.version'], line.os], ['call', 'OK', '127.0.0.0', '1.2.3', 'ios']);
  assert.match(String(line.cache), /^(miss|hit)$/);
  assert.equal(line.trace_id, traceId);
  assert.ok(!JSON.stringify(lines).includes('alice'), 'a user is named');
  const refused = lines.find((candidate) => candidate.reason === 'REQUEST_INVALID');
  assert.deepEqual([refused?.['rpc.method'], refused?.['rpc.status_code']], ['fixture.v1.ScreenService/Echo', 'INVALID_ARGUMENT']);
  const forwarded = lines.find((candidate) => candidate['rpc.method'] === 'fixture.v1.ForwardService/Unary');
  assert.deepEqual(
    ((forwarded ?? {}) as { readonly upstreams: readonly { readonly name: string; readonly code: string }[] }).upstreams.map(({ name, code }) => [
      name,
      code,
    ]),
    [['fixture.v1.ScriptedService/Unary', 'OK']],
  );
});

test('the three ends of a stream are told apart, in every protocol', () => {
  for (const protocol of ['grpc', 'grpc-web', 'connect']) {
    const streams = lines.filter((line) => line['rpc.method'] === 'fixture.v1.ForwardService/ServerStream' && line.protocol === protocol);
    const ends = Map.groupBy(
      streams.filter(({ msg }) => msg === 'stream closed'),
      ({ ended }) => ended,
    );
    assert.deepEqual([...ends.keys()].sort(), ['closed', 'returned', 'threw'], protocol);
    const count = streams.filter(({ msg }) => msg === 'stream opened').length;
    assert.deepEqual(
      [...ends.values()].map(({ length }) => length * 3),
      [count, count, count],
    );
    assert.deepEqual([ends.get('returned')?.[0]?.messages_out, ends.get('threw')?.[0]?.messages_out], [2, 1]);
    assert.deepEqual(
      [ends.get('closed')?.[0]?.['rpc.status_code'], ends.get('threw')?.[0]?.['rpc.status_code']],
      ['CANCELLED', 'FAILED_PRECONDITION'],
    );
  }
});
