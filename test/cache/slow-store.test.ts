// A store that takes its time, up to and beyond what a call waits for it: whatever comes too late holds nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryCacheStore } from '../../src/core/adapters/memory/cache-store.ts';
import { memoryLeases } from '../../src/core/adapters/memory/leases.ts';
import { memoryTagVersions } from '../../src/core/adapters/memory/tag-versions.ts';
import { planOf, readyCall } from '../support/cache/ready-call.ts';
import { fakeClock } from '../support/time/clock.ts';
import { cameBy, computation, openTestCache } from './open.ts';
import { delayed, slowLeases, slowStore, slowVersions } from './slow.ts';

const plan = planOf('GetItem', { ttlMs: 60_000, staleWhileRevalidateMs: 0, staleIfErrorMs: 0 });

for (const slow of ['every step', 'versions', 'leases', 'entries'] as const)
  test(`${slow} up to 150 ms: a call is answered in time, and the next one of a fast store as ever`, async () => {
    for (let ms = 0; ms <= 150; ms += ms > 40 && ms < 66 ? 1 : 7) {
      const clock = fakeClock();
      let nowMs = ms;
      const step = (part: typeof slow) =>
        delayed(() => new Promise((resolve) => (slow === part || slow === 'every step' ? clock.after(nowMs / 2, resolve) : resolve())));
      const leases = memoryLeases(clock);
      const inner = memoryTagVersions({ clock });
      const { cache, counts } = openTestCache({
        clock,
        versions: slowVersions(inner, step('versions')),
        shared: { store: slowStore(memoryCacheStore({ bytesMax: 1_000_000, leases }), step('entries')), leases: slowLeases(leases, step('leases')) },
      });
      const compute = computation();
      const ask = async (itemId = '7') => {
        const beganAtMs = clock.nowMs();
        const answer = await cache.answer(readyCall(plan, { user: 'ada', request: { itemId } }), compute);
        return { came: cameBy(answer), tookMs: clock.nowMs() - beganAtMs };
      };
      const first = Promise.all([ask(), ask()]);
      for (let i = 0; i < 700; i++) await clock.advance(1);
      for (const { came, tookMs } of await first) {
        assert.match(came, /^(miss|coalesced|stale) 1$/, `${ms} ms`);
        assert.ok(tookMs <= 51, `${ms} ms: the call took ${tookMs} ms, and its computation none`);
      }
      const { slow: late } = counts.storeFailures;
      if (ms === 0) assert.equal(late, 0);
      nowMs = 0;
      const next = ask();
      await clock.advance(60);
      assert.match((await next).came, /^(hit 1|miss 2)$/, `${ms} ms`);
      const again = ask();
      await clock.advance(10);
      assert.match((await again).came, /^hit /, `${ms} ms`);
    }
  });
