import { createNoopMeter } from '@opentelemetry/api';
import { type CacheCounts, cacheCounts } from '../../../src/core/cache/cache-metrics.ts';

/** Counters that nobody reads but the test. */
export function testCounts(): CacheCounts {
  return cacheCounts(createNoopMeter());
}
