import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '../support/time/seeded.ts';
import { raceOf, type Setting, stallOf } from './memory-world.ts';
import { everything } from './race.ts';
import { withoutPromptSeals } from './replicas.ts';
import { failingStore, failingVersions } from './slow.ts';

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
}

test('2 replicas that share a store: a flight computes once also while its tags get versions of their own', async () => {
  const { staleAsFresh, doubled } = await raceOf(3, { replicas: 2, reads: 50, invalidations: 500 }); // its versions are forgotten again and again
  assert.deepEqual([staleAsFresh, doubled], [[], []]);
});

for (const replicas of [1, 2]) {
  test(`${replicas} with up to 100 tags, late ones, and errors among the answers: nothing computed before an invalidation is given after it`, async () => {
    const { staleAsFresh, foreign, failures, results } = await raceOf(11, { replicas, moreTags: 100, errors: 0.2, computeMs: 10 });
    assert.deepEqual({ staleAsFresh, foreign, failures }, { staleAsFresh: [], foreign: [], failures: [] });
    for (const result of ['hit', 'miss', 'coalesced']) assert.ok((results[result] ?? 0) > 20, `${results[result]} of ${result} say little`);
  });
}

for (const replicas of [1, 2]) {
  test(`${replicas} with streams and their parts, watches, partial answers, soft and settling invalidations: the same`, async () => {
    const { staleAsFresh, foreign, failures, results } = await raceOf(12, { replicas, ...everything, ttlMs: 60, staleWhileRevalidateMs: 50 });
    assert.deepEqual({ staleAsFresh, foreign, failures }, { staleAsFresh: [], foreign: [], failures: [] });
    for (const result of ['hit', 'miss', 'coalesced', 'stale', 'stream', 'watch'])
      assert.ok((results[result] ?? 0) > 20, `${results[result]} of ${result} say little`);
  });

  test(`${replicas} that cannot read versions now and then: what they cannot verify is never given as fresh`, async () => {
    const random = seeded(14);
    const without: Setting['without'] = ({ versions }) => ({ versions: { ...failingVersions(versions, random), raise: versions.raise } });
    const { staleAsFresh, foreign, failures, results } = await raceOf(14, { replicas, ...everything, ttlMs: 200, without });
    assert.deepEqual({ staleAsFresh, foreign, failures }, { staleAsFresh: [], foreign: [], failures: [] });
    for (const result of ['hit', 'stale', 'stream', 'watch']) assert.ok((results[result] ?? 0) > 20, `${results[result]} of ${result} say little`);
  });

  test(`${replicas} that cannot ask for versions now and then: after a write its replica gives nothing computed before it`, async () => {
    const random = seeded(13);
    const without: Setting['without'] = ({ versions }) => ({ versions: failingVersions(versions, random) });
    const { staleAsFresh, foreign, failures } = await raceOf(13, { replicas, ...everything, ttlMs: 60, writes: 1, without });
    assert.deepEqual({ staleAsFresh, foreign, failures }, { staleAsFresh: [], foreign: [], failures: [] });
  });
}

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

test('2 replicas that share a store: fresh answers never go back, though computations stall past their leases', async () => {
  const { wentBack, hits, stalls } = await stallOf(8);
  assert.deepEqual(wentBack, []);
  assert.ok(hits > 100 && stalls > 10, `${hits} hits, ${stalls} stalls`);
});

for (const seed of [1, 2, 3]) {
  test(`2 replicas that share a store, seed ${seed}: they never go back either when the store does not always answer`, async () => {
    const random = seeded(seed);
    const without: Setting['without'] = ({ shared }) =>
      shared === undefined ? {} : { shared: { ...shared, store: failingStore(shared.store, () => random() < 0.7) } };
    const { wentBack, hits } = await stallOf(seed, without);
    assert.deepEqual(wentBack, []);
    assert.ok(hits > 100, `${hits} hits`);
  });
}
