// Invalidations of writes that are done, but that the shared store could not be told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryTagVersions } from '../../src/core/adapters/memory/tag-versions.ts';
import { StatusError } from '../../src/core/kit/status-error.ts';
import { StoreDown } from '../../src/core/kit/store-down.ts';
import type { RaiseOptions, TagVersions } from '../../src/core/ports/tag-versions.ts';
import { planOf, readyCall } from '../support/cache/ready-call.ts';
import { fakeClock } from '../support/time/clock.ts';
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
  for (let i = 0; i < 10_000; i++) await cache.invalidateWritten([`item:${i}`], { soft: false, settleMs: 0 }); // as interceptors/invalidate-after-write.ts does: options of its own for each write
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

/** A cache whose store can be cut off, with the raises that reached it. */
function cutOff() {
  const clock = fakeClock();
  const inner = memoryTagVersions({ clock });
  const state = { down: false };
  const raised: (readonly [readonly string[], RaiseOptions | undefined])[] = [];
  const asked = async <T>(ask: () => T | Promise<T>) => {
    if (state.down) throw new StoreDown('timeout', 'cut off');
    return ask();
  };
  const versions: TagVersions = {
    standing: (...words) => asked(() => inner.standing(...words)),
    begin: (...words) => asked(() => inner.begin(...words)),
    keep: (...words) => asked(() => inner.keep(...words)),
    raise: (...words) =>
      asked(() => {
        raised.push([words[0], words[1]]);
        return inner.raise(...words);
      }),
    raiseAll: () => asked(inner.raiseAll),
    raisedSince: (...words) => asked(() => inner.raisedSince(...words)),
  };
  const announced: (readonly string[] | undefined)[] = [];
  const opened = openTestCache({ clock, versions, keepMs: 3_600_000, announce: (tags) => void announced.push(tags) });
  return { ...opened, clock, state, raised, announced };
}

test('several writes of one tag while the store is cut off: none makes the invalidation of another softer or shorter', async () => {
  for (const [first, then] of [
    [
      { soft: false, settleMs: 60_000 },
      { soft: true, settleMs: 0 },
    ],
    [{ soft: true }, { soft: false, settleMs: 60_000 }],
    [{ soft: true, settleMs: 60_000 }, {}],
  ] as const) {
    const { cache, clock, state, raised } = cutOff();
    state.down = true;
    await cache.invalidateWritten(['item:7'], first);
    await cache.invalidateWritten(['item:7'], then);
    state.down = false;
    await clock.advance(500);
    assert.deepEqual(raised, [[['item:7'], { soft: false, settleMs: 60_000 }]]);
    cache.close();
  }
});

test('an error of an older flight is not told to who came after a write whose invalidation is pending', async () => {
  const { cache, clock, state } = cutOff();
  let exists = false;
  const inner = computation({}, { held: true });
  const compute: typeof inner = Object.assign(async (...given: Parameters<typeof inner>) => {
    const existed = exists;
    const answer = await inner(...given);
    if (!existed) throw new StatusError(5, 'no such item');
    return answer;
  }, inner);
  const before = cache.answer(readyCall(plan, ada), compute);
  const failed = assert.rejects(before, { code: 5 });
  await clock.advance(1);
  exists = true;
  state.down = true;
  await cache.invalidateWritten(['thing:9']); // a tag that the failed computation could not name
  state.down = false; // the store is back, and does not know yet
  const after = cache.answer(readyCall(plan, ada), compute);
  await clock.advance(1);
  compute.release();
  await failed;
  assert.equal(cameBy(await after), 'miss 2');
  cache.close();
});

test('when everything was raised in place of too many tags, all who watch hear that something is new', async () => {
  const { cache, clock, state, announced } = cutOff();
  const heard: (readonly string[] | undefined)[] = [];
  cache.onInvalidated((tags) => heard.push(tags));
  state.down = true;
  for (let i = 0; i < 157; i++) await cache.invalidateWritten(Array.from({ length: 64 }, (_, j) => `item:${i}:${j}`));
  state.down = false;
  await clock.advance(500);
  assert.ok(heard.includes(undefined) && announced.includes(undefined));
  cache.close();
});

test('a clock that is set forth drops no invalidation that other replicas still need', async () => {
  const running = fakeClock();
  let byMs = 0;
  const clock = { ...running, nowMs: () => running.nowMs() + byMs };
  const inner = memoryTagVersions({ clock });
  let down = true;
  const raised: string[] = [];
  const versions: TagVersions = {
    ...inner,
    raise: async (tags) => {
      if (down) throw new StoreDown('gone', 'gone');
      raised.push(...tags);
    },
  };
  const { cache } = openTestCache({ clock, versions, keepMs: 60_000 });
  await cache.invalidateWritten(['item:7']);
  byMs = 86_400_000;
  await running.advance(1_000);
  down = false;
  await running.advance(1_000);
  assert.deepEqual(raised, ['item:7']);
  cache.close();
});
