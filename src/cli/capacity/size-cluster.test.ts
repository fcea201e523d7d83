import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Assumptions, assumptionNames, assumptionRows, clientsBounds, numberOf } from './assumptions.ts';
import { type Costs, costNames } from './costs.ts';
import { measuredCosts } from './measured-costs.ts';
import { sizeCluster } from './size-cluster.ts';

const usual = Object.fromEntries(assumptionNames.map((name) => [name, assumptionRows[name].usual])) as Assumptions;
/** Round numbers, so that the sums below can be done in the head. */
const costs = {
  ...Object.fromEntries(costNames.map((name) => [name, 0])),
  machine: 'none',
  processBytes: 256 * 2 ** 20,
  clientBytes: 65_536,
} as Costs;
const still = { ...usual, callsPerMinute: 0, eventsPerMinute: 0, sendsPerMinute: 0, arrivalsPerHour: 0 };

test('pods by CPU: calls of all clients by their cost, within the target, in the zones that remain', () => {
  const { cores, pods } = sizeCluster(
    600_000,
    { ...still, callsPerMinute: 1, cachedShare: 1, memoryTarget: 1, podMemoryMib: 1e6 },
    { ...costs, cachedCallMicros: 1_200 },
  );
  assert.equal(cores, 12); // 10,000 calls a second of 1.2 ms
  assert.deepEqual([pods.byCpu, pods.perZone, pods.count, pods.remaining], [20, 10, 30, 20]);
});

test('pods by memory: what a client takes, beside the process', () => {
  const { pods } = sizeCluster(40_960, { ...still, podMemoryMib: 2_048, memoryTarget: 0.75 }, costs);
  assert.equal(pods.byMemory, 2); // 1,280 MiB for clients of 64 KiB: 20,480 each
});

test('Redis by CPU or memory, PostgreSQL by messages of a peak and of a day', () => {
  const { redis, postgres } = sizeCluster(
    1_000_000,
    { ...still, sendsPerMinute: 0.6, redisBytesPerClient: 8_192, redisMemoryGib: 1, memoryTarget: 0.5, retentionDays: 1, peakToMean: 10 },
    { ...costs, sendRedisMicros: 100, sendPostgresMicros: 300, sendStoredBytes: 1_000, sendLogBytes: 2_000 },
  );
  assert.deepEqual([redis.byCpu, redis.byMemory, redis.shards], [2, 16, 16]);
  assert.deepEqual([postgres.cores, postgres.storedBytes, postgres.logBytesPerSecond], [5, 1_000 * 86_400 * 1_000, 10_000 * 2_000]);
});

test('more clients never need less, and every figure is a number from zero up', () => {
  const counts = fc.integer({ min: 1, max: 1e9 });
  const property = fc.property(counts, counts, (a, b) => {
    const [few, many] = [sizeCluster(Math.min(a, b), usual, measuredCosts), sizeCluster(Math.max(a, b), usual, measuredCosts)];
    const flat = (value: object): number[] => Object.values(value).flatMap((one) => (typeof one === 'number' ? [one] : flat(one)));
    for (const value of [...flat(few), ...flat(many)]) assert.ok(Number.isFinite(value) && value >= 0);
    assert.ok(few.pods.count <= many.pods.count && few.redis.shards <= many.redis.shards && few.postgres.cores <= many.postgres.cores);
  });
  fc.assert(property);
});

test('what cannot be is refused by name: no zone that remains, no memory for a client', () => {
  assert.throws(() => sizeCluster(1, { ...usual, lostZones: 3 }, costs), /--lost-zones 3/);
  assert.throws(() => sizeCluster(1, { ...usual, podMemoryMib: 256 }, costs), /--pod-memory-mib 256: 1 processes take 256 MiB/);
});

test('the costs are measured: none is zero', () => {
  for (const name of costNames) assert.ok(measuredCosts[name] > 0, name);
});

test('a number is read as people write it, and nothing else is', () => {
  assert.equal(numberOf('--clients', '10000000', clientsBounds), 10_000_000);
  assert.equal(numberOf('--clients', '1e7', clientsBounds), 10_000_000);
  for (const wrong of ['', ' 1', '-1', '0', '1.5', '0x10', 'ten', '10_000', '1e99', 'NaN', 'Infinity', '1,000'])
    assert.match(String(numberOf('--clients', wrong, clientsBounds)), /--clients .*: a whole number from 1 to 1000000000 is allowed\./, wrong);
});
