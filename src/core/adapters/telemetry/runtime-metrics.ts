import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { memoryUsage } from 'node:process';
import { getHeapStatistics } from 'node:v8';
import type { Meter } from '@opentelemetry/api';

/** Nanoseconds in a second. */
const billion = 1e9;

/** The interval of measuring. Each measurement wakes the process: every 20 ms they cost an idle one 2.5 ms a second. */
const everyMs = 200;

/** Metrics of the process: delay and utilization of the event loop, and memory. @returns stops measuring */
export function runtimeMetrics(meter: Meter): () => void {
  const delay = monitorEventLoopDelay({ resolution: everyMs });
  delay.enable();
  for (const percentile of [50, 90, 99] as const) {
    meter
      .createObservableGauge(`nodejs.eventloop.delay.p${percentile}`, {
        unit: 's',
        description: `Delay of the event loop since the last scrape: percentile ${percentile}.`,
      })
      .addCallback((observed) => observed.observe(Math.max(0, delay.percentile(percentile) / billion - everyMs / 1_000))); // Node includes the interval
  }
  let last = performance.eventLoopUtilization();
  meter
    .createObservableGauge('nodejs.eventloop.utilization', {
      unit: '1',
      description: 'Fraction of time in which the event loop was busy since the last scrape.',
    })
    .addCallback((observed) => {
      const now = performance.eventLoopUtilization();
      observed.observe(performance.eventLoopUtilization(now, last).utilization);
      last = now;
      delay.reset();
    });
  meter
    .createObservableGauge('v8js.memory.heap.used', { unit: 'By', description: 'Used JavaScript heap.' })
    .addCallback((observed) => observed.observe(memoryUsage().heapUsed));
  meter
    .createObservableGauge('v8js.memory.heap.limit', { unit: 'By', description: 'Limit of the JavaScript heap.' })
    .addCallback((observed) => observed.observe(getHeapStatistics().heap_size_limit));
  meter
    .createObservableGauge('process.memory.usage', { unit: 'By', description: 'Resident memory of the process.' })
    .addCallback((observed) => observed.observe(memoryUsage.rss()));
  return () => delay.disable();
}
