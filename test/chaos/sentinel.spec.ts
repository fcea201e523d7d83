// Sentinels promote a replica that lacks the tail: invalidations that had been done are done no more, and older answers are there again.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ownPrefix, type RedisPlace, type RedisSentinels, startRedisSentinels } from '../support/redis/redis.ts';
import { seeded } from '../support/time/seeded.ts';
import { until } from '../support/time/until.ts';
import { openBare, withoutGeneration } from './bare.ts';
import { bring, type Loaded, openLoaded } from './fault.ts';
import { startLoad } from './load.ts';
import { failOver } from './replica-faults.ts';

const items = Array.from({ length: 8 }, (_, i) => String(i));
let set: RedisSentinels;
let place: RedisPlace;
let loaded: Loaded & AsyncDisposable;
before(async () => {
  set = await startRedisSentinels();
  place = { mode: 'sentinel', nodes: set.addresses, masterName: set.masterName, prefix: ownPrefix() };
  loaded = await openLoaded(place, { items, seed: 1 });
});
after(async () => {
  await loaded?.[Symbol.asyncDispose]();
  await set?.stop();
});

test('a fail-over to a replica that lacks the tail: nothing old is served as fresh, and the checker finds it without the generation in the key', {
  timeout: 180_000,
}, async () => {
  const naive = { ...place, prefix: ownPrefix() };
  using bare = await openBare([naive, naive], withoutGeneration);
  const load = startLoad({ ...bare, items, random: seeded(2), writePauseMs: 300 });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => load.stop()); // also when what follows fails: it would go on for ever
  /** The replica has a current answer for each item when it begins to lag: else nothing old is there to be served. */
  const lagBehind = async () => {
    await load.quieten();
    await loaded.load.aside(async () => {
      for (const item of items) await until('it is stored', async () => (await bare.replicas[0]?.read(item))?.result === 'hit', 30_000);
    });
    await set.replica.lagBehind();
    load.goOnWriting();
  };
  const go = async () => {
    await load.quieten(); // what is written while there is no primary would be told afterwards, and hide what was lost
    await set.primary.kill();
  };
  const { told = 0 } = await bring(failOver(set.primary, { lagBehind }, set.promoted, loaded.load, go), loaded);
  assert.ok(told > 0, 'there were invalidations');
  await until('two caches that believe the promoted replica serve old answers as fresh', () => load.staleAsFresh.length > 0, 60_000);
  assert.deepEqual(load.failures, []);
});
