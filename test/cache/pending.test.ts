// Invalidations of writes that are done, but that the shared store could not be told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryTagVersions } from '../../src/core/adapters/memory/tag-versions.ts';
import { StoreDown } from '../../src/core/kit/store-down.ts';
import type { TagVersions } from '../../src/core/ports/tag-versions.ts';
import { fakeClock } from '../support/time/clock.ts';
import { planOf, readyCall } from '../support/cache/ready-call.ts';
import { cameBy, computation, openTestCache } from './open.ts';

const plan = planOf('GetItem');
const ada = { user: 'ada', request: { itemId: '7' } };

test('10,000 tags of single writes are sent within a second of this process once the store is back', async () => {
  const clock = fakeClock();
  const inner = memoryTagVersions({ clock });
  let down = true;
  let raises = 0;
  const versions: TagVersions = {
    ...inner,
    raise: async (...w) => {
      if (down) throw new StoreDown('gone', 'gone');
      raises++;
      return inner.raise(...w);
    },
  };
  const { cache, counts } = openTestCache({ clock, versions, keepMs: 3_600_000 });
  for (let i = 0; i < 10_000; i++) await cache.invalidateWritten([`item:${i}`], { soft: false, settleMs: 0 }); // as interceptors/invalidate.ts does: options of its own for each write
  down = false;
  const cpu = process.cpuUsage();
  await clock.advance(500);
  while (counts.pending.now > 0) await new Promise((r) => setImmediate(r));
  const { user, system } = process.cpuUsage(cpu); // on a busy machine other processes take the rest of the time
  const ms = (user + system) / 1_000;
  assert.ok(ms < 1_000 && raises < 500, `${Math.round(ms)} ms, ${raises} raises`);
  cache.close();
});

test('a tag of a dead shard does not hold up tags of living ones', async () => {
  const clock = fakeClock();
  const inner = memoryTagVersions({ clock });
  let all = true;
  const told: string[] = [];
  const versions: TagVersions = {
    ...inner,
    raise: async (tags, o) => {
      if (all || tags.includes('dead:1')) throw new StoreDown('gone', 'gone');
      told.push(...tags);
      return inner.raise(tags, o);
    },
  };
  const { cache } = openTestCache({ clock, versions, keepMs: 3_600_000 });
  await cache.invalidateWritten(['dead:1'], { soft: false });
  await cache.invalidateWritten(['living:1'], { soft: false });
  all = false;
  await clock.advance(60_000);
  assert.deepEqual(told, ['living:1']);
  cache.close();
});

test('more writes than are kept: no invalidation is lost, everything is raised instead', async () => {
  const clock = fakeClock();
  const inner = memoryTagVersions({ clock });
  let down = false;
  const versions: TagVersions = {
    ...inner,
    raise: async (...w) => {
      if (down) throw new StoreDown('timeout', 'cut off');
      return inner.raise(...w);
    },
  };
  const { cache, counts } = openTestCache({ clock, versions, keepMs: 3_600_000 });
  const compute = computation();
  await cache.answer(readyCall(plan, ada), compute);
  down = true; // this replica is cut off for 100 s at 100 writes a second
  await cache.invalidateWritten(['item:7'], { soft: false });
  for (let i = 0; i < 10_000; i++) await cache.invalidateWritten([`x:${i}`], { soft: false });
  down = false;
  const came = cameBy(await cache.answer(readyCall(plan, ada), compute));
  assert.notEqual(came, 'hit 1', `served as fresh after the write was answered: ${came}; dropped ${counts.pending.dropped}`);
  cache.close();
});
