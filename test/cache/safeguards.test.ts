// Each safeguard of the cache is taken out once, and a workload finds the broken promise. With all of them in place the
// same workloads find nothing: memory-race.spec.ts,
// redis-race.test.ts and test/chaos.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutDoubt, withoutGeneration } from '../chaos/bare.ts';
import { cutOff, oldIsFoundUnder, rewind } from '../chaos/bare-load.ts';
import { servesOldOfDemoted, servesOldOfPromoted, withoutPrimaryOnlyReads, withoutPromotions } from './demoted.ts';
import { found, raceOf, type Setting, stallOf } from './memory-world.ts';
import {
  withoutErrorsRule,
  withoutFence,
  withoutFlights,
  withoutIncompleteTagsRule,
  withoutLeases,
  withoutSealing,
  withoutVerifying,
  withoutVersionCheck,
} from './replicas.ts';

/** One history of this seed, on so many replicas. */
type Look = (seed: number, replicas: number) => Promise<boolean>;

/** Whether the race is given an older answer as fresh: by a hit, by a flight that was joined, or as an error. */
const givesOld =
  (kind: 'hit' | 'coalesced' | 'error', without: Setting['without'], options: Setting = {}): Look =>
  async (seed, replicas) => {
    const { staleAsFresh } = await raceOf(seed, { ...options, replicas, ...(without && { without }) });
    return staleAsFresh.some((answer) => answer.startsWith(kind));
  };
/** Whether two computations of one key run at once. */
const computesTwice =
  (without: Setting['without']): Look =>
  async (seed, replicas) =>
    (await raceOf(seed, { replicas, ...(without && { without }) })).doubled.length > 0;
const goesBack =
  (without: Setting['without']): Look =>
  async (seed) =>
    (await stallOf(seed, without)).wentBack.length > 0;

const odd: Setting = { moreTags: 100, errors: 0.4, computeMs: 30 };

/** In memory, on a fake clock. What one replica does not need is looked for with two. */
const inMemory: readonly (readonly [safeguard: string, replicas: readonly number[], look: Look])[] = [
  ['the check of versions at every hit', [1, 2], givesOld('hit', withoutVersionCheck)],
  ['join, then verify, and the seal', [1, 2], givesOld('coalesced', withoutSealing)],
  ['join, then verify, where another replica invalidates', [2], givesOld('coalesced', withoutVerifying)],
  ['the rule for errors of older flights', [2], givesOld('error', withoutErrorsRule, odd)],
  ['asking whether anything was raised, for incomplete tag sets', [2], givesOld('coalesced', withoutErrorsRule, odd)],
  ['the rule for incomplete tag sets', [2], givesOld('coalesced', withoutIncompleteTagsRule, { ...odd, errors: 0 })],
  ['one flight for each key', [1], computesTwice(withoutFlights)],
  ['the lease', [2], computesTwice(withoutLeases)],
  ['the fence: a store that asks for the lease', [2], goesBack(withoutFence)],
];
for (const [safeguard, counts, look] of inMemory)
  for (const replicas of counts)
    test(`${replicas === 1 ? 'one process' : '2 replicas'}: without ${safeguard} the race finds it`, () => found((seed) => look(seed, replicas)));

/** On a real Redis, with what only Redis does. */
const onRedis: readonly (readonly [safeguard: string, fault: string, look: (seed: number) => Promise<boolean>])[] = [
  ['the generation', 'a Redis that comes back with what it had a while ago', (seed) => oldIsFoundUnder(rewind, withoutGeneration, seed)],
  ['doubt where Redis does not answer', 'a replica that is cut off', (seed) => oldIsFoundUnder(cutOff, withoutDoubt, seed)],
  ['reads of versions by a primary only', 'a demoted primary', () => servesOldOfDemoted(withoutPrimaryOnlyReads)],
  ['the replication id of each read', 'a primary that was a replica while nobody read', () => servesOldOfPromoted(withoutPromotions)],
];
for (const [safeguard, fault, look] of onRedis) test(`Redis: without ${safeguard}, ${fault} makes old answers fresh`, () => found(look));

test('Redis: a demoted primary makes no old answer fresh', async () => {
  assert.equal(await servesOldOfDemoted(), false);
});

test('Redis: a primary that was a replica while nobody read makes no old answer fresh', async () => {
  assert.equal(await servesOldOfPromoted(), false);
});
