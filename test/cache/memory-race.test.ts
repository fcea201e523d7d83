import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryCacheStore } from '../../src/core/adapters/memory/cache-store.ts';
import { memoryTagVersions } from '../../src/core/adapters/memory/tag-versions.ts';
import { openCache } from '../../src/core/cache/cache.ts';
import { type Flights, flights } from '../../src/core/cache/flights.ts';
import type { Computed } from '../../src/core/cache/recording.ts';
import type { CacheStore } from '../../src/core/ports/cache-store.ts';
import type { TagVersions } from '../../src/core/ports/tag-versions.ts';
import { fakeClock } from '../support/clock.ts';
import { testCounts } from '../support/counts.ts';
import { seeded } from '../support/seeded.ts';
import { type RaceOptions, type RaceResult, race } from './race.ts';
import { delayed, slowStore, slowVersions } from './slow.ts';

type Parts = { readonly store: CacheStore; readonly versions: TagVersions; readonly flights: Flights<Computed> };

/** The race on a fake clock, so that a seed gives the same history each time. @param without takes a safeguard out */
async function raceOf(seed: number, without: (parts: Parts) => Partial<Parts> = () => ({}), options: Partial<RaceOptions> = {}): Promise<RaceResult> {
  const clock = fakeClock();
  const random = seeded(seed);
  const sleep = (ms: number) => new Promise<void>((resolve) => clock.after(Math.round(ms), resolve));
  const step = delayed(() => sleep(random() * 2));
  const whole: Parts = {
    store: memoryCacheStore({ bytesMax: 10_000_000 }),
    versions: memoryTagVersions({ clock, keepMs: 60_000 }),
    flights: flights(),
  };
  const parts = { ...whole, ...without(whole) };
  const cache = openCache({
    store: slowStore(parts.store, step),
    versions: slowVersions(parts.versions, step),
    flights: parts.flights,
    clock,
    random,
    counts: testCounts(),
    locales: ['en'],
  });
  let over = false;
  const result = race({ caches: [cache], clock, random, sleep, ...options }).finally(() => {
    over = true;
  });
  while (!over) await clock.advance(1);
  return result;
}

for (const seed of [1, 2, 3, 4, 5]) {
  test(`seed ${seed}: no answer computed before an invalidation is served as fresh after it, and a flight computes once`, async () => {
    const { staleAsFresh, foreign, doubled, failures, results, computes } = await raceOf(seed);
    assert.deepEqual({ staleAsFresh, foreign, doubled, failures }, { staleAsFresh: [], foreign: [], doubled: [], failures: [] });
    for (const result of ['hit', 'miss', 'coalesced']) assert.ok((results[result] ?? 0) > 50, `${results[result]} of ${result} say little`);
    assert.ok(computes > 50);
  });
}

test('old answers within their stale time are marked as stale, and never served as fresh', async () => {
  const { staleAsFresh, doubled, results } = await raceOf(6, undefined, { staleWhileRevalidateMs: 100, ttlMs: 10 });
  assert.deepEqual([staleAsFresh, doubled], [[], []]);
  assert.ok((results.stale ?? 0) > 50);
});

test('the race finds a cache that does not check versions', async () => {
  const { staleAsFresh } = await raceOf(1, ({ versions }) => ({ versions: { ...versions, unmoved: () => true } }));
  assert.ok(staleAsFresh.some((found) => found.startsWith('hit')));
});

test('the race finds a cache whose invalidations do not seal flights', async () => {
  const { staleAsFresh } = await raceOf(1, ({ flights }) => ({ flights: { ...flights, seal: () => {} } }));
  assert.ok(staleAsFresh.some((found) => found.startsWith('coalesced')));
});

test('the race finds a cache that lets each call compute for itself', async () => {
  const { doubled } = await raceOf(1, ({ flights }) => ({ flights: { ...flights, find: () => undefined } }));
  assert.ok(doubled.length > 0);
});

test('a seed gives the same history each time', async () => {
  assert.deepEqual(await raceOf(7), await raceOf(7));
});
