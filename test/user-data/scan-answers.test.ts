// The scan of all keys of Redis for a user's answers: piece by piece, by other processes, while keys come and go.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { redisAnswersOfUsers } from '../../src/core/adapters/redis/answers-of-users.ts';
import { redisCacheStore } from '../../src/core/adapters/redis/cache-store.ts';
import type { Redis } from '../../src/core/adapters/redis/connection/open-redis.ts';
import { entryKey } from '../../src/core/adapters/redis/redis-keys.ts';
import { redisTagVersions } from '../../src/core/adapters/redis/tag-versions.ts';
import type { CacheEntry } from '../../src/core/ports/cache-store.ts';
import type { Place } from '../../src/core/ports/user-data.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { openedRedis } from '../support/redis/opened-redis.ts';
import { type RedisPlace, sharedCluster, sharedRedis } from '../support/redis/redis.ts';
import { linesOfRedis } from '../support/user-data/search-redis.ts';

const many = 150;
const scopeOf = (user: string) => `u${user}`;
const entryOf = (user: string, tags: readonly string[]): CacheEntry => ({
  body: Buffer.from(`of ${user}`),
  etag: '"e"',
  metadata: [],
  trailers: [],
  generation: 'g',
  tags,
  versions: tags.map(() => 1),
  startedAt: 1,
  computedAtMs: Date.now(),
  freshUntilMs: Date.now() + 600_000,
  staleUntilMs: Date.now() + 600_000,
  scope: scopeOf(user),
});

async function fill(redis: Redis, user: string, tagsOf: (i: number) => readonly string[] = () => []): Promise<readonly string[]> {
  const store = redisCacheStore({ redis, clock: systemClock });
  const keys = Array.from({ length: many }, () => randomUUID());
  await Promise.all(keys.map((key, i) => store.set(key, entryOf(user, tagsOf(i)))));
  return keys.map((key) => entryKey(redis.prefix, key));
}

/** Each piece as a process of its own would do it, that has only what was written down. */
async function forgetAll(redis: Redis, user: string, between: (place: Place) => Promise<Place>) {
  let place: Place;
  const all = { answers: 0, tags: 0, pieces: 0 };
  for (;;) {
    const copies = redisAnswersOfUsers({
      redis,
      versions: redisTagVersions({ redis }),
      scopesOf: (userId) => [scopeOf(userId)],
      pageKeys: 10,
      piecePages: 2,
    });
    const progress = await copies.forget(user, place);
    all.answers += progress.erased.answers ?? 0;
    all.tags += progress.erased.tags ?? 0;
    all.pieces++;
    if (progress.isDone) return all;
    place = await between(JSON.parse(JSON.stringify(progress.place)));
  }
}

for (const [name, open] of [
  ['one Redis', sharedRedis],
  ['a Redis Cluster', sharedCluster],
] as const) {
  const opened = async (body: (redis: Redis, place: RedisPlace) => Promise<void>) => {
    const place = await open();
    const redis = await openedRedis(place);
    try {
      await body(redis, place);
    } finally {
      redis.close();
    }
  };

  test(`${name}: every answer is found, piece by piece, while those of others come and go`, () =>
    opened(async (redis, place) => {
      const [user, other] = [randomUUID(), randomUUID()];
      const others = new Set(await fill(redis, other));
      const longHeader = (i: number) => (i % 10 === 0 ? Array.from({ length: 60 }, (_, j) => `tag:${i}:${j}:${'x'.repeat(100)}`) : []);
      await fill(redis, user, longHeader);
      const { answers, pieces } = await forgetAll(redis, user, async (at) => {
        if (others.size < 4 * many) for (const key of await fill(redis, other)) others.add(key); // the table of keys grows meanwhile
        const [gone = ''] = others;
        await redis.call(gone, 'DEL', gone);
        others.delete(gone);
        return at;
      });
      assert.equal(answers, many);
      assert.ok(pieces > 5, `${pieces} pieces`);
      const left = (await linesOfRedis(place)).filter((line) => / string .*of /s.test(line)).map((line) => line.split(' ', 1)[0]);
      assert.deepEqual(new Set(left), others);
    }));

  test(`${name}: after a fail-over the scan begins anew, whatever was written down`, () =>
    opened(async (redis, place) => {
      const user = randomUUID();
      await fill(redis, user);
      let pieces = 0;
      const { answers } = await forgetAll(redis, user, async (at) =>
        ++pieces === 2 ? { ...at, generation: 'another', node: 7, cursor: '123456789' } : at,
      );
      assert.equal(answers, many);
      assert.ok(!(await linesOfRedis(place)).some((line) => line.includes(user)));
    }));

  test(`${name}: what is no answer of this release goes, and what is none at all stays`, () =>
    opened(async (redis, place) => {
      const user = randomUUID();
      const values = [
        Buffer.from([2, 0, 0, 0, 0, 0]),
        Buffer.from('x'),
        Buffer.from([3, 0, 0xff, 0xff, 0xff, 0xff]),
        Buffer.from([3, 0, 0, 0, 0, 9, 1, 2]),
      ];
      for (const value of values) {
        const key = entryKey(redis.prefix, randomUUID());
        await redis.call(key, 'SET', key, value);
      }
      const strangers = [`${redis.prefix}{0}r:${user}`, `${redis.prefix}{${'x'.repeat(22)}}l:${user}`, `${redis.prefix}${user}`];
      for (const key of strangers) await redis.call(key, 'SET', key, 'value');
      const hash = entryKey(redis.prefix, 'hash');
      await redis.call(hash, 'HSET', hash, 'a', user);
      const { answers } = await forgetAll(redis, user, async (at) => at);
      assert.equal(answers, values.length);
      const left = (await linesOfRedis(place)).map((line) => line.split(' ', 1)[0] ?? '');
      assert.deepEqual(left.filter((key) => !key.endsWith('raised')).sort(), [hash, ...strangers].sort());
    }));
}
