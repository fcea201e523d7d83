import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryCacheStore } from '../../src/core/adapters/memory/cache-store.ts';
import { memoryLeases } from '../../src/core/adapters/memory/leases.ts';
import { memoryTagVersions } from '../../src/core/adapters/memory/tag-versions.ts';
import { fakeClock } from '../support/time/clock.ts';
import { seeded } from '../support/time/seeded.ts';
import { stall } from './fence.ts';
import { type RaceOptions, type RaceResult, race } from './race.ts';
import {
  openReplica,
  type ReplicaParts,
  shortLeases,
  withoutErrorsRule,
  withoutFence,
  withoutFlights,
  withoutLeases,
  withoutPromptSeals,
  withoutSealing,
  withoutVerifying,
  withoutVersionCheck,
} from './replicas.ts';
import { delayed, failingStore } from './slow.ts';

type Setting = Partial<RaceOptions> & {
  /** More than one share a store and leases, in memory. */
  readonly replicas?: number;
  /** Takes a safeguard out. */
  readonly without?: (parts: ReplicaParts) => Partial<ReplicaParts>;
};

type World = Pick<RaceOptions, 'caches' | 'clock' | 'random' | 'sleep'>;

/** A workload on a fake clock, so that a seed gives the same history each time. */
async function played<T>(
  seed: number,
  { replicas = 1, without, leaseMs }: { replicas?: number; without?: Setting['without']; leaseMs?: number },
  workload: (world: World) => Promise<T>,
): Promise<T> {
  const clock = fakeClock();
  const random = seeded(seed);
  const sleep = (ms: number) => new Promise<void>((resolve) => clock.after(Math.round(ms), resolve));
  const step = delayed(() => sleep(random() * 2));
  const leases = memoryLeases(clock);
  const taken = leaseMs === undefined ? leases : shortLeases(leases, leaseMs);
  const versions = memoryTagVersions({ clock });
  const shared = { store: memoryCacheStore({ bytesMax: 10_000_000, leases }), leases: taken };
  const parts = { versions, ...(replicas > 1 && { shared }) };
  const caches = Array.from({ length: replicas }, () => openReplica(parts, { clock, random, step, ...(without && { without }) }));
  let over = false;
  const result = workload({ caches, clock, random, sleep }).finally(() => {
    over = true;
  });
  while (!over) await clock.advance(1);
  return result;
}

function raceOf(seed: number, { replicas, without, ...options }: Setting = {}): Promise<RaceResult> {
  return played(seed, { ...(replicas && { replicas }), ...(without && { without }) }, (world) => race({ ...world, ...options }));
}

/** Not every history has what is looked for. */
async function found(look: (seed: number) => Promise<boolean>): Promise<void> {
  for (let seed = 1; seed <= 6; seed++) if (await look(seed)) return;
  assert.fail('It was not found.');
}

for (const [replicas, seeds] of [
  [1, [1, 2]],
  [2, [4, 5, 6]],
] as const) {
  const where = replicas === 1 ? 'one process' : `${replicas} replicas that share a store`;
  for (const seed of seeds) {
    test(`${where}, seed ${seed}: no answer computed before an invalidation is served as fresh after it, and a flight computes once`, async () => {
      const { staleAsFresh, foreign, doubled, failures, results, computes } = await raceOf(seed, { replicas });
      assert.deepEqual({ staleAsFresh, foreign, doubled, failures }, { staleAsFresh: [], foreign: [], doubled: [], failures: [] });
      for (const result of ['hit', 'miss', 'coalesced']) assert.ok((results[result] ?? 0) > 50, `${results[result]} of ${result} say little`);
      assert.ok(computes > 50);
    });
  }

  test(`${where}: the race finds a cache that does not check versions`, async () => {
    const { staleAsFresh } = await raceOf(1, { replicas, without: withoutVersionCheck });
    assert.ok(staleAsFresh.some((found) => found.startsWith('hit')));
  });

  test(`${where}: the race finds a cache whose flights are not sealed`, async () => {
    await found(async (seed) => {
      const { staleAsFresh } = await raceOf(seed, { replicas, without: withoutSealing });
      return staleAsFresh.some((answer) => answer.startsWith('coalesced'));
    });
  });

  test(`${where}: the race finds a cache that lets each call compute for itself`, async () => {
    const { doubled } = await raceOf(1, { replicas, without: replicas === 1 ? withoutFlights : withoutLeases });
    assert.ok(doubled.length > 0);
  });
}

for (const replicas of [1, 2]) {
  test(`${replicas} with up to 100 tags, late ones, and errors among the answers: nothing computed before an invalidation is given after it`, async () => {
    const { staleAsFresh, foreign, failures, results } = await raceOf(11, { replicas, moreTags: 100, errors: 0.2, computeMs: 10 });
    assert.deepEqual({ staleAsFresh, foreign, failures }, { staleAsFresh: [], foreign: [], failures: [] });
    for (const result of ['hit', 'miss', 'coalesced']) assert.ok((results[result] ?? 0) > 20, `${results[result]} of ${result} say little`);
  });
}

for (const kind of ['error', 'coalesced'])
  test(`2 replicas that share a store: the race finds replicas that give what cannot be verified: ${kind}`, async () => {
    await found(async (seed) => {
      const { staleAsFresh } = await raceOf(seed, { replicas: 2, moreTags: 100, errors: 0.4, computeMs: 30, without: withoutErrorsRule });
      return staleAsFresh.some((answer) => answer.startsWith(kind));
    });
  });

test('2 replicas that share a store: the race finds replicas that close their own flights and do not verify', async () => {
  await found(async (seed) => {
    const { staleAsFresh } = await raceOf(seed, { replicas: 2, without: withoutVerifying });
    return staleAsFresh.some((answer) => answer.startsWith('coalesced'));
  });
});

test('2 replicas that share a store: that flights are closed at once is for promptness alone', async () => {
  const { staleAsFresh, failures } = await raceOf(1, { replicas: 2, without: withoutPromptSeals });
  assert.deepEqual([staleAsFresh, failures], [[], []]);
});

test('old answers within their stale time are marked as stale, and never served as fresh', async () => {
  const { staleAsFresh, doubled, results } = await raceOf(6, { staleWhileRevalidateMs: 100, ttlMs: 10 });
  assert.deepEqual([staleAsFresh, doubled], [[], []]);
  assert.ok((results.stale ?? 0) > 50);
});

test('a seed gives the same history each time', async () => {
  const [one, other] = [await raceOf(7, { replicas: 2, reads: 4 }), await raceOf(7, { replicas: 2, reads: 4 })];
  assert.deepEqual(one, other);
});

const leaseMs = 20;
test('2 replicas that share a store: fresh answers never go back, though computations stall past their leases', async () => {
  const { wentBack, hits, stalls } = await played(8, { replicas: 2, leaseMs }, (world) => stall({ ...world, leaseMs }));
  assert.deepEqual(wentBack, []);
  assert.ok(hits > 100 && stalls > 10, `${hits} hits, ${stalls} stalls`);
});

for (const seed of [1, 2, 3]) {
  test(`2 replicas that share a store, seed ${seed}: they never go back either when the store does not always answer`, async () => {
    const random = seeded(seed);
    const without: Setting['without'] = ({ shared }) =>
      shared === undefined ? {} : { shared: { ...shared, store: failingStore(shared.store, () => random() < 0.7) } };
    const { wentBack, hits } = await played(seed, { replicas: 2, leaseMs, without }, (world) => stall({ ...world, leaseMs }));
    assert.deepEqual(wentBack, []);
    assert.ok(hits > 100, `${hits} hits`);
  });
}

test('2 replicas that share a store: stalling finds a store that does not ask for the lease', async () => {
  const { wentBack } = await played(8, { replicas: 2, leaseMs, without: withoutFence }, (world) => stall({ ...world, leaseMs }));
  assert.ok(wentBack.length > 0);
});
