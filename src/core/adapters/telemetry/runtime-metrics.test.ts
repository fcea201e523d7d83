import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { until } from '../../../../test/support/time/until.ts';
import { runtimeMetrics } from './runtime-metrics.ts';

test('the delay of the event loop is what a timer waits beyond its time, without the interval of measuring', async () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  const stop = runtimeMetrics(provider.getMeter('test'));
  const delayOf = async (percentile: string) => {
    exporter.reset();
    await reader.forceFlush();
    const all = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics));
    return Number(all.find(({ descriptor }) => descriptor.name === `nodejs.eventloop.delay.${percentile}`)?.dataPoints[0]?.value);
  };
  let quiet = Number.NaN;
  await until('an idle loop has no delay', async () => {
    await sleep(700);
    quiet = await delayOf('p50');
    return quiet < 0.15; // with the interval it would be at least 0.2
  });
  assert.ok(quiet >= 0);
  const busy = setInterval(() => {
    for (const endMs = performance.now() + 450; performance.now() < endMs; );
  }, 1);
  let delay = 0;
  await until('the delay is seen', async () => {
    await sleep(1_000);
    delay = await delayOf('p90');
    return delay > 0.2;
  });
  clearInterval(busy);
  stop();
  await provider.shutdown();
});
