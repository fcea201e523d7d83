// What a Redis has that no script of ours wrote: never fresh, and gone with the next answer or raise.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { redisTagVersions } from '../../src/core/adapters/redis/tag-versions.ts';
import { openedRedis } from '../support/redis/opened-redis.ts';
import { startRedisServer } from '../support/redis/redis.ts';
import { cameBy, computation } from './open.ts';
import { placeOf, redisReplica } from './redis-replica.ts';

const numbers = ['', ' ', 'x', '1e3', '0x10', '-5', '+5', ' 7 ', '7.5', 'inf', 'nan', '9007199254740993', '99999999999999999999'];

async function opened() {
  const server = await startRedisServer();
  const redis = await openedRedis(placeOf(server.address));
  const replica = redisReplica(redis, { waitMs: 10_000 });
  const read = async (compute = computation()) => cameBy(await replica.read(compute));
  const keyOf = async (pattern: string) => String(((await server.command('KEYS', pattern)) as string[])[0]);
  return {
    ...replica,
    server,
    redis,
    read,
    keyOf,
    /** Twice: what it computes is stored, what was invalidated is not served, and so it goes on. */
    isSound: async (what: string) => {
      const compute = computation();
      const stored = [await read(compute), await read(compute)];
      assert.match(String(stored[1]), /^hit /, `${what}: ${stored}`);
      for (let i = 0; i < 2; i++) {
        const before = await read(compute);
        await replica.cache.invalidate(['item:7']);
        const after = [await read(compute), await read(compute)];
        assert.match(String(after[0]), /^miss /, `${what}: ${after}, and before the invalidation ${before}`);
        assert.match(String(after[1]), /^hit /, `${what}: ${after}`);
      }
    },
    [Symbol.asyncDispose]: async () => {
      redis.close();
      replica.cache.close();
      await server.stop();
    },
  };
}

test('the key of a tag', async () => {
  await using on = await opened();
  await on.read();
  const key = await on.keyOf('*v:item:7');
  const [version] = String(await on.server.command('GET', key)).split(' ');
  const values = numbers.flatMap((number) => [
    number,
    `${number} 1 0`,
    `1 ${number} 0`,
    `1 1 ${number}`,
    `${version} ${version} ${number}`,
    `${number} ${number} 0`,
  ]);
  for (const value of [...values, '5 5', '5 5 5 5', '5 5 0 ', '٣ 1 0']) {
    await on.server.command('SET', key, value);
    await on.isSound(JSON.stringify(value));
  }
  for (const command of [
    ['RPUSH', key, 'x'],
    ['HSET', key, 'f', '5'],
  ]) {
    await on.server.command('DEL', key);
    await on.server.command(...command);
    await on.cache.invalidate(['item:7']);
    await on.server.command('DEL', key);
    await on.server.command(...command);
    await on.isSound(String(command[0]));
  }
});

test('a value that reads as the version that an answer has, and cannot be read by raises: they do away with it', async () => {
  await using on = await opened();
  const compute = computation();
  await on.read(compute);
  const key = await on.keyOf('*v:item:7');
  const [version] = String(await on.server.command('GET', key)).split(' ');
  for (const value of [`${version} ${version} x`, `${version} ${version}`, `${version} x 0`]) {
    await on.server.command('SET', key, value);
    await on.cache.invalidate(['item:7']);
    assert.match(await on.read(compute), /^miss /, value);
    await on.read(compute);
  }
});

test('the floor, the last raise of all, and the versions of buckets', async () => {
  await using on = await opened();
  await on.read();
  await on.cache.invalidate(['item:7']);
  const hash = await on.keyOf('*raised');
  const fields = (await on.server.command('HKEYS', hash)) as string[];
  assert.equal(fields.length, 3);
  for (const field of fields) {
    for (const number of numbers) {
      await on.server.command('HSET', hash, field, number);
      await on.isSound(`${field} ${JSON.stringify(number)}`);
    }
  }
});

test('what a computation under way depends on is not believed when it cannot be read any more', async () => {
  await using on = await opened();
  const versions = redisTagVersions({ redis: on.redis });
  await versions.raise(['item:7']);
  const hash = await on.keyOf('*raised');
  const bucket = ((await on.server.command('HKEYS', hash)) as string[]).find((field) => /^\d+$/.test(field)) ?? '';
  for (const number of numbers) {
    const begun = await versions.begin(['item:7']);
    await on.server.command('HSET', hash, bucket, number, 'l', number);
    assert.equal(await versions.raisedSince(begun.startedAt), true, number);
    assert.equal(await versions.standing(['item:7'], begun.versions), 'invalidated', number);
    assert.equal(await versions.keep(['item:7'], [], begun.startedAt, 1_000), undefined, number);
    assert.equal(await versions.keep(['item:7'], begun.versions, begun.startedAt, 1_000), undefined, number);
    await versions.raise(['item:7']);
  }
});
