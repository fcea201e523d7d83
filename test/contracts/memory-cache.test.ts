import { memoryCacheStore } from '../../src/core/adapters/memory/cache-store.ts';
import { memoryLeases } from '../../src/core/adapters/memory/leases.ts';
import { memoryTagVersions } from '../../src/core/adapters/memory/tag-versions.ts';
import { fakeClock } from '../support/time/clock.ts';
import { cacheStoreContract } from './cache-store.ts';
import { leasesContract } from './leases.ts';
import { tagVersionsContract } from './tag-versions.ts';
import { tagVersionsHistories } from './tag-versions-histories.ts';

const nothing = async () => {};

tagVersionsContract('memory', async () => {
  let nowMs = 1_000;
  const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs, after: () => () => {} };
  const looseMax = 50;
  const elapse = async (ms: number) => {
    nowMs += ms;
  };
  return { versions: memoryTagVersions({ clock, looseMax }), lifeMs: 10_000, looseMax, elapse, [Symbol.asyncDispose]: nothing };
});

const history = async () => ({ versions: memoryTagVersions({ clock: fakeClock() }), [Symbol.asyncDispose]: nothing });
tagVersionsHistories('memory', history, { seeds: 20, steps: 500 });

cacheStoreContract('memory', async () => {
  const bytesMax = 400_000;
  return { store: memoryCacheStore({ bytesMax }), bytesMax, [Symbol.asyncDispose]: nothing };
});

leasesContract('memory', async () => {
  const clock = fakeClock();
  const leases = memoryLeases(clock);
  const store = memoryCacheStore({ bytesMax: 400_000, leases });
  return { leases, store, nowMs: clock.nowMs, elapse: clock.advance, [Symbol.asyncDispose]: nothing };
});
