// Calls that join a flight older than themselves: what it comes to is theirs only while it still holds, errors and
// incomplete tag sets included.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metadata } from 'nice-grpc-common';
import { memoryCacheStore } from '../../src/core/adapters/memory/cache-store.ts';
import { memoryLeases } from '../../src/core/adapters/memory/leases.ts';
import { memoryTagVersions } from '../../src/core/adapters/memory/tag-versions.ts';
import { StatusError } from '../../src/core/kit/status-error.ts';
import type { TagVersions } from '../../src/core/ports/tag-versions.ts';
import { planOf, readyCall } from '../support/cache/ready-call.ts';
import { fakeClock } from '../support/time/clock.ts';
import { cameBy, computation, openTestCache } from './open.ts';

const plan = planOf('GetItem');
const ada = { user: 'ada', request: { itemId: '7' } };

test('unrelated invalidations: still one computation for all who ask at once', async () => {
  const { cache, clock } = openTestCache();
  const compute = computation({}, { held: true });
  const calls: Promise<unknown>[] = [];
  for (let i = 0; i < 20; i++) {
    calls.push(cache.answer(readyCall(plan, ada), compute));
    await clock.advance(5);
    await cache.invalidate([`nothing-to-do-with-it:${i}`]);
  }
  compute.release();
  await Promise.all(calls);
  assert.equal(compute.seen.length, 1, `computed ${compute.seen.length} times`);
});

test('unrelated invalidations: one background recomputation of a stale answer', async () => {
  const { cache, clock } = openTestCache();
  const p = planOf('GetItem', { ttlMs: 1000, staleWhileRevalidateMs: 60_000 });
  const first = computation();
  await cache.answer(readyCall(p, ada), first);
  await clock.advance(2000);
  const compute = computation({}, { held: true });
  for (let i = 0; i < 20; i++) {
    await cache.answer(readyCall(p, ada), compute);
    await clock.advance(5);
    await cache.invalidate([`nothing-to-do-with-it:${i}`]);
  }
  compute.release();
  assert.equal(compute.seen.length, 1, `computed ${compute.seen.length} times in the background`);
});

/** Two replicas that share versions, store and leases, without a bus (its news come later). */
function two(opts: { slow?: (v: TagVersions) => TagVersions } = {}) {
  const clock = fakeClock();
  const leases = memoryLeases(clock);
  const shared = { store: memoryCacheStore({ bytesMax: 10_000_000, leases }), leases };
  const versions = memoryTagVersions({ clock });
  const one = openTestCache({ clock, shared, versions });
  const other = openTestCache({ clock, shared, versions: opts.slow ? opts.slow(versions) : versions });
  return { clock, one, other, versions };
}

for (const [what, tags] of [
  ['70 late tags (a list of 70 orders)', Array.from({ length: 70 }, (_, i) => `order:${i}`)],
  ['a late tag that is malformed beside a good one', ['order:5', 'two words']],
  ['an empty late tag beside a good one', ['order:5', '']],
] as const)
  test(`${what}: a call after Invalidate returned is not given an older flight's answer at another replica as fresh`, async () => {
    const { clock, one, other } = two();
    const compute = computation({ tags: [...tags] }, { held: true });
    const before = other.cache.answer(readyCall(plan, ada), compute);
    await clock.advance(1);
    await one.cache.invalidate(['order:5']); // has returned
    const after = other.cache.answer(readyCall(plan, ada), compute);
    await clock.advance(1);
    compute.release();
    await before;
    const came = cameBy(await after);
    assert.notEqual(came, 'coalesced 1', `served as fresh: ${came}, portico-stale ${(await after).metadata.get('portico-stale')}`);
  });

test('two good late tags: the same', async () => {
  const { clock, one, other } = two();
  const compute = computation({ tags: ['order:1', 'order:5'] }, { held: true });
  const before = other.cache.answer(readyCall(plan, ada), compute);
  await clock.advance(1);
  await one.cache.invalidate(['order:5']);
  const after = other.cache.answer(readyCall(plan, ada), compute);
  await clock.advance(1);
  compute.release();
  await before;
  assert.equal(cameBy(await after), 'coalesced 2'.replace('coalesced', cameBy(await after).split(' ')[0] as string));
});

test('an error of an older flight is not told to who came after Invalidate returned at another replica', async () => {
  const { clock, one, other } = two();
  let exists = false;
  const gate = Promise.withResolvers<void>();
  let computes = 0;
  const compute = async () => {
    computes++;
    const seen = exists;
    if (computes === 1) await gate.promise;
    if (!seen) throw new StatusError(5, 'no such item');
    return { metadata: Metadata(), body: new Uint8Array([8, 1]), trailers: Metadata(), tags: ['thing:7'] };
  };
  const before = other.cache.answer(readyCall(plan, ada), compute as never);
  before.catch(() => {});
  await clock.advance(1);
  exists = true; // the write
  await one.cache.invalidate(['thing:7']); // its (late) tag; has returned
  const after = other.cache.answer(readyCall(plan, ada), compute as never);
  after.catch(() => {});
  await clock.advance(1);
  gate.resolve();
  const [b, a] = await Promise.allSettled([before, after]);
  assert.equal(b.status, 'rejected');
  assert.equal(
    a.status,
    'fulfilled',
    `the reader after the write got: ${a.status === 'rejected' && (a.reason as Error).message}, computes ${computes}`,
  );
});

test('an error of an older flight whose versions were not yet read when it was joined is not told either', async () => {
  // begin() is slow (Redis RTT): it has read the versions, the reply is on the way
  const begun: (() => void)[] = [];
  const { clock, one, other } = two({
    slow: (v) => ({
      ...v,
      begin: async (tags) => {
        const r = await v.begin(tags);
        await new Promise<void>((go) => begun.push(go));
        return r;
      },
    }),
  });
  const compute = async () => {
    throw new StatusError(5, 'no such item');
  };
  const before = other.cache.answer(readyCall(plan, ada), compute as never);
  before.catch(() => {});
  await clock.advance(1);
  await one.cache.invalidate(['item:7']);
  const after = other.cache.answer(readyCall(plan, ada), compute as never);
  after.catch(() => {});
  await clock.advance(1);
  for (const go of begun.splice(0)) go();
  await clock.advance(1);
  const a = await Promise.race([
    after.then(
      () => 'ok',
      () => 'error of the older flight',
    ),
    clock.advance(1).then(() => 'computes anew'),
  ]);
  assert.equal(a, 'computes anew');
});

for (const code of [1, 16])
  test(`a flight that ended with status ${code}, which concerns one caller: all who joined it compute in one new flight`, async () => {
    const { cache, clock } = openTestCache();
    let failures = 1;
    const compute = computation(
      () => {
        if (failures-- > 0) throw new StatusError(code, 'of the first caller alone');
        return {};
      },
      { held: true },
    );
    const calls = Array.from({ length: 100 }, () => cache.answer(readyCall(plan, ada), compute));
    const settled = Promise.allSettled(calls);
    await clock.advance(1);
    compute.release();
    const [first, ...joined] = await settled;
    assert.equal(first?.status === 'rejected' && first.reason.code, code);
    assert.deepEqual([...new Set(joined.map((one) => (one.status === 'fulfilled' ? cameBy(one.value) : one.reason)))], ['coalesced 2']);
    assert.equal(compute.seen.length, 2);
  });

test('UNAUTHENTICATED of an upstream: 200 who joined do not all compute at once', async () => {
  const { cache, clock } = openTestCache();
  const gate = Promise.withResolvers<void>();
  let computes = 0,
    now = 0,
    most = 0;
  const compute = async () => {
    computes++;
    most = Math.max(most, ++now);
    await gate.promise;
    await Promise.resolve();
    now--;
    throw new StatusError(16, 'internal token not accepted');
  };
  const calls = Array.from({ length: 200 }, () => cache.answer(readyCall(planOf('ListItems'), {}), compute as never));
  for (const c of calls) c.catch(() => {});
  await clock.advance(1);
  gate.resolve();
  await Promise.allSettled(calls);
  assert.ok(computes <= 3, `computed ${computes} times, ${most} at once`);
});

test('a caller that leaves while an older flight is verified does not leave a computation for nobody', async () => {
  const clock = fakeClock();
  const inner = memoryTagVersions({ clock });
  let hold: Promise<void> | undefined;
  const versions: TagVersions = {
    ...inner,
    standing: async (...w) => {
      await hold;
      return inner.standing(...w);
    },
  };
  const { cache } = openTestCache({ clock, versions });
  const compute = computation({}, { held: true });
  const first = new AbortController();
  const a = cache.answer(readyCall(plan, { ...ada, signal: first.signal }), compute);
  a.catch(() => {});
  await clock.advance(1);
  await inner.raise(['item:7']); // another replica's invalidation
  const gate = Promise.withResolvers<void>();
  hold = gate.promise;
  const leaver = new AbortController();
  const b = cache.answer(readyCall(plan, { ...ada, signal: leaver.signal }), compute);
  b.catch(() => {});
  await clock.advance(1);
  leaver.abort(new Error('left'));
  gate.resolve();
  await clock.advance(2);
  assert.ok(
    compute.seen[1] === undefined || compute.seen[1].signal.aborted,
    `a second computation runs for nobody: aborted ${compute.seen[1]?.signal.aborted}`,
  );
});
