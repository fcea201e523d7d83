import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sumMetrics } from './sum-metrics.ts';

type Own = { readonly instance: string; readonly calls: number; readonly up: number; readonly delay: number; readonly extra?: string };
const text = ({ instance, calls, up, delay, extra = '' }: Own) =>
  [
    '# HELP target_info Who is measured.',
    '# TYPE target_info gauge',
    `target_info{service_instance_id="${instance}"} 1`,
    '# HELP calls_total Calls.',
    '# TYPE calls_total counter',
    `calls_total{method="a b",code="\\"x\\""} ${calls}`,
    extra,
    '# TYPE took_seconds histogram',
    `took_seconds_bucket{le="1"} ${calls}`,
    `took_seconds_bucket{le="+Inf"} ${calls}`,
    `took_seconds_sum ${calls / 2}`,
    '# TYPE portico_store_up gauge',
    `portico_store_up ${up}`,
    '# TYPE nodejs_eventloop_delay_p99_seconds gauge',
    `nodejs_eventloop_delay_p99_seconds ${delay}`,
    '',
  ]
    .filter((line) => line !== '')
    .join('\n');

test('series are added, each by itself; a state is the worst, a delay the largest; a resource and a head stand once', () => {
  const summed = sumMetrics([
    text({ instance: '1', calls: 2, up: 1, delay: 0.5 }),
    text({ instance: '2', calls: 5, up: 0, delay: 0.25, extra: 'calls_total{method="only here",code=""} 1' }),
  ]);
  assert.deepEqual(summed.split('\n'), [
    '# HELP target_info Who is measured.',
    '# TYPE target_info gauge',
    'target_info{service_instance_id="1"} 1',
    '# HELP calls_total Calls.',
    '# TYPE calls_total counter',
    'calls_total{method="a b",code="\\"x\\""} 7',
    'calls_total{method="only here",code=""} 1',
    '# TYPE took_seconds histogram',
    'took_seconds_bucket{le="1"} 7',
    'took_seconds_bucket{le="+Inf"} 7',
    'took_seconds_sum 3.5',
    '# TYPE portico_store_up gauge',
    'portico_store_up 0',
    '# TYPE nodejs_eventloop_delay_p99_seconds gauge',
    'nodejs_eventloop_delay_p99_seconds 0.5',
    '',
  ]);
});

test('one text stays as it is, but for its blank lines', () => {
  const one = text({ instance: '1', calls: 2, up: 1, delay: 0.5 });
  assert.equal(sumMetrics([one]), `${one}\n`);
});

/** What stands for two workers with the values 1 and 3. */
const kinds = {
  sum: [
    ...['portico_streams_open', 'portico_cache_size_bytes', 'portico_cache_entries', 'portico_cache_invalidations_pending', 'portico_connections'],
    ...['db_client_connection_count', 'db_client_connection_max', 'db_client_connection_pending_requests', 'portico_store_pending'],
    ...['portico_bus_topics', 'portico_live_streams', 'portico_streams_queued', 'portico_live_subscriptions', 'portico_live_topics'],
    ...['portico_live_watched', 'portico_chat_streams', 'process_memory_usage_bytes'],
  ],
  largest: [
    ...['portico_jwks_age_seconds', 'portico_outbox_lag_seconds', 'portico_erasures_open', 'portico_chat_reports_waiting', 'portico_maintenance'],
    ...['nodejs_eventloop_delay_p50_seconds', 'nodejs_eventloop_utilization_ratio', 'v8js_memory_heap_used_bytes', 'v8js_memory_heap_limit_bytes'],
  ],
  smallest: ['portico_certificate_not_after_seconds', 'portico_store_up'],
};

test('every gauge of the page about telemetry is of one kind, and has the value of its kind', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/operating/telemetry.md'), 'utf8');
  const names = [...page.matchAll(/^\| `[a-z0-9._]+`[^|]*\| ([^|]+) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([a-z0-9_]+)`/g)].map(([, name = '']) => name),
  );
  const gauges = names.filter((name) => !name.endsWith('_total') && !name.endsWith('_call_duration_seconds'));
  assert.deepEqual(Object.values(kinds).flat().sort(), [...gauges].sort());
  for (const [kind, value] of [
    ['sum', 4],
    ['largest', 3],
    ['smallest', 1],
  ] as const)
    for (const name of kinds[kind])
      assert.equal(sumMetrics([`# TYPE ${name} gauge\n${name} 1`, `# TYPE ${name} gauge\n${name} 3`]), `# TYPE ${name} gauge\n${name} ${value}\n`);
});
