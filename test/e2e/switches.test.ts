// What an operator changes while the server runs, through the admin listener.
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import { telemetrySwitches } from '../../src/core/adapters/telemetry/log-and-sampling-switches.ts';
import { jsonLog } from '../../src/core/adapters/telemetry/logger.ts';
import { callOf, keptTransports, signIn } from '../support/client/protocols.ts';
import { type FixtureServer, openFixtureServer } from '../support/server/fixture-server.ts';
import { liveRegistry } from '../support/server/live-server.ts';
import { until } from '../support/time/until.ts';
import { type Collector, openCollector } from '../support/upstream/collector.ts';

const variables = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_BSP_SCHEDULE_DELAY'];
let collector: Collector;
let server: FixtureServer;
before(async () => {
  collector = await openCollector();
  Object.assign(process.env, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '50' }); // read by the exporters
  server = await openFixtureServer({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }, settings: { 'telemetry.sampleRatio': 0 } });
});
after(async () => {
  await server?.close();
  await collector?.close();
  for (const name of variables) delete process.env[name];
});

type Asked = {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly localAddress?: string;
};

function ask({ method = 'PUT', headers = { 'content-type': 'application/json' }, body = '', localAddress }: Asked) {
  return new Promise<{ readonly status: number | undefined; readonly text: string }>((resolve, reject) => {
    const sent = request(new URL('/switches', server.adminUrl), { method, headers, ...(localAddress && { localAddress }) }, async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      resolve({ status: response.statusCode, text });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
const values = async () => JSON.parse((await ask({ method: 'GET' })).text) as unknown;

test('the values in force are shown, and a change is in force at once', async () => {
  assert.deepEqual(await values(), { logLevel: 'error', sampleRatio: 0, maintenance: null });
  const { headers } = await signIn(server, liveRegistry, 'alice');
  const call = (text: string) => callOf(liveRegistry, keptTransports()('grpc h2', server), 'fixture.v1.ScreenService/Echo', { text }, { headers });
  await call('before');
  assert.deepEqual(await ask({ body: '{"sampleRatio": 1}' }), { status: 200, text: '{"logLevel":"error","sampleRatio":1,"maintenance":null}\n' });
  await call('after');
  await until('its span came', () => collector.spans().length > 0);
  const spans = collector.spans().filter(({ name, kind }) => name === 'fixture.v1.ScreenService/Echo' && kind === 2);
  assert.equal(spans.length, 1, 'only the second call was recorded');
});

test('what is wrong is refused with what is allowed, and changes nothing', async () => {
  const before = await values();
  for (const [body, status, text] of [
    ['{', 400, /not JSON/],
    ['[]', 400, /JSON object/],
    ['null', 400, /JSON object/],
    ['{"__proto__": 1}', 400, /no switch "__proto__"/],
    ['{"constructor": 1}', 400, /Here are: logLevel, sampleRatio, maintenance/],
    ['{"logLevel": "loud"}', 400, /logLevel: "loud" is not allowed\. Write "debug", "info", "warn", "error"\./],
    ['{"sampleRatio": 2}', 400, /a number from 0 to 1/],
    ['{"sampleRatio": "1"}', 400, /a number from 0 to 1/],
    ['{"sampleRatio": 0.5, "logLevel": 7}', 400, /logLevel: 7/],
    [`{"logLevel": "${'x'.repeat(20_000)}"}`, 400, /16384 bytes/],
  ] as const) {
    const answer = await ask({ body });
    assert.equal(answer.status, status, body);
    assert.match(answer.text, text);
  }
  const body = '{"sampleRatio": 0.5}';
  assert.equal((await ask({ body, headers: {} })).status, 415);
  assert.equal((await ask({ body, headers: { 'content-type': 'text/plain' } })).status, 415, 'as a form of another site would send it');
  assert.equal((await ask({ body, headers: { 'content-type': 'application/json', origin: 'https://evil.example' } })).status, 403);
  assert.equal((await ask({ body, headers: { 'content-type': 'application/json', host: 'rebound.example' } })).status, 403);
  assert.equal((await ask({ body, localAddress: '127.0.0.2' })).status, 403, 'another machine');
  assert.equal((await ask({ method: 'POST', body })).status, 405);
  assert.deepEqual(await values(), before);
});

test('the level of the log changes what is written, stacks of debug among it, and each change is written', () => {
  const lines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
  const log = jsonLog({ level: 'warn', service: { name: 'portico', version: '1' }, destination });
  const { logLevel } = telemetrySwitches(log, { current: 0 });
  log.info('not yet');
  logLevel.change('debug');
  log.debug('now', { error: Object.assign(new Error('x'), { code: 'ECONNRESET' }) });
  logLevel.change('error');
  log.warn('no more');
  assert.deepEqual(
    lines.map(({ msg, from, to }) => [msg, from, to]),
    [
      ['A switch was changed.', 'warn', 'debug'],
      ['now', undefined, undefined],
    ],
  );
  assert.ok((lines[1]?.error as { readonly stack?: string } | undefined)?.stack, 'at debug every error has its stack');
});
