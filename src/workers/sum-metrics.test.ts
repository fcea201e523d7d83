import assert from 'node:assert/strict';
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
