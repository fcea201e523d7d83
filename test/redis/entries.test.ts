// What is particular to answers in Redis: replicas whose clocks differ, and what takes no place.
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { redisCacheStore } from '../../src/core/adapters/redis/cache-store.ts';
import type { Redis } from '../../src/core/adapters/redis/connection/open-redis.ts';
import { redisLeases } from '../../src/core/adapters/redis/leases.ts';
import type { CacheEntry } from '../../src/core/ports/cache-store.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { openedRedis } from '../support/redis/opened-redis.ts';
import { sharedRedis } from '../support/redis/redis.ts';
import { slowClock } from '../support/time/slow-clock.ts';

let redis: Redis;
before(async () => {
  redis = await openedRedis(await sharedRedis(), slowClock);
});
after(() => redis.close());

const hour = 3_600_000;
const aheadBy = (ms: number) => ({ ...systemClock, nowMs: () => systemClock.nowMs() + ms });
const entryAt = (nowMs: number, body = new Uint8Array(1)): CacheEntry => ({
  body,
  etag: '"e"',
  metadata: [],
  trailers: [],
  generation: 'g',
  tags: [],
  versions: [],
  startedAt: 7,
  computedAtMs: nowMs,
  freshUntilMs: nowMs + 60_000,
  staleUntilMs: nowMs + 2 * hour,
  scope: 'ada',
});

for (const [what, ms] of [
  ['an hour behind', -hour],
  ['an hour ahead', hour],
  ['ten seconds ahead', 10_000],
] as const) {
  test(`an answer read by a replica whose clock is ${what} has the time left that it has, and not more`, async () => {
    const clock = aheadBy(ms);
    const stored = entryAt(systemClock.nowMs());
    await redisCacheStore({ redis, clock: systemClock }).set(what, stored);
    const read = await redisCacheStore({ redis, clock }).get(what);
    assert.ok(read);
    const offMs = read.freshUntilMs - (stored.freshUntilMs + ms);
    assert.ok(Math.abs(offMs) < 5_000, `the ends of its fresh time differ by ${offMs} ms`);
    assert.deepEqual([read.freshUntilMs - read.computedAtMs, read.staleUntilMs - read.computedAtMs], [60_000, 2 * hour]);
  });
}

test('replicas whose clocks agree give an answer exactly the times that it was stored with', async () => {
  const store = redisCacheStore({ redis, clock: systemClock });
  const stored = entryAt(systemClock.nowMs());
  await store.set('equal', stored);
  const again = await redisCacheStore({ redis, clock: aheadBy(100) }).get('equal');
  assert.deepEqual([await store.get('equal'), again], [stored, stored]);
});

test('an answer that is too large does away with the one before only while its lease is held', async () => {
  const store = redisCacheStore({ redis, clock: systemClock });
  const leases = redisLeases({ redis, token: randomUUID });
  const noise = new Uint8Array(randomBytes(1_200_000));
  const [over, lease] = [await leases.take('large', 'v1', 5_000), await leases.take('large', 'v2', 5_000)];
  assert.ok(over && lease);
  await leases.release(over);
  await store.set('large', entryAt(systemClock.nowMs()));
  assert.equal(await store.set('large', entryAt(systemClock.nowMs(), noise), over), 'too_large');
  assert.ok(await store.get('large'), 'it is not its to remove');
  assert.equal(await store.set('large', entryAt(systemClock.nowMs(), noise), lease), 'too_large');
  assert.deepEqual([await store.get('large'), await leases.held('large', 'v2')], [undefined, false]);
});

test('a body that nobody would believe is not stored, however small it can be made', async () => {
  const store = redisCacheStore({ redis, clock: systemClock });
  assert.equal(await store.set('zeros', entryAt(systemClock.nowMs(), new Uint8Array(17 * 1_048_576))), 'too_large');
  assert.equal(await store.get('zeros'), undefined);
});
