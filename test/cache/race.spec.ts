// The race in its long form: a million reads, by `npm run test:race`. `RACE_READS=100000 RACE_SEED=7 npm run test:race`
// makes fewer, of the histories of that seed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { raceOf, type Setting } from './memory-world.ts';

const reads = Number(process.env.RACE_READS ?? 1_000_000);
const firstSeed = Number(process.env.RACE_SEED ?? 1);
/** Of one history. */
const [readers, readsOfReader, invalidations] = [200, 50, 500];

for (const [what, share, setting] of [
  ['one process', 0.4, { replicas: 1 }],
  ['2 replicas that share a store', 0.4, { replicas: 2 }],
  ['one process, up to 100 tags, late ones, and errors', 0.1, { replicas: 1, moreTags: 100, errors: 0.2, computeMs: 10 }],
  ['2 replicas, up to 100 tags, late ones, and errors', 0.1, { replicas: 2, moreTags: 100, errors: 0.2, computeMs: 10 }],
] as const satisfies readonly (readonly [string, number, Setting])[])
  test(`${what}: nothing computed before an invalidation is given after it`, async (context) => {
    const total: Record<string, number> = {};
    const histories = Math.ceil((reads * share) / (readers * readsOfReader));
    for (let i = 0; i < histories; i++) {
      const seed = firstSeed + i;
      const { staleAsFresh, foreign, doubled, failures, results } = await raceOf(seed, { ...setting, readers, reads: readsOfReader, invalidations });
      assert.deepEqual({ staleAsFresh, foreign, failures }, { staleAsFresh: [], foreign: [], failures: [] }, `seed ${seed}`);
      if (!('errors' in setting)) assert.deepEqual(doubled, [], `seed ${seed}: it is computed once`);
      for (const [result, number] of Object.entries(results)) total[result] = (total[result] ?? 0) + number;
    }
    context.diagnostic(`${histories} histories from seed ${firstSeed}: ${JSON.stringify(total)}`);
  });
