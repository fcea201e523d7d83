import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RedisPlace, sharedCluster, sharedRedis } from '../support/redis/redis.ts';
import { openMemoryLog } from './memory-topic-log.ts';
import { openRedisLogs } from './redis-topic-log.ts';
import { runHistory } from './topic-log-histories.ts';

const steps = 120;

test('memory: what is recovered is what was published, in any history', async () => {
  const seen = new Set<string>();
  for (let seed = 1; seed <= 400; seed++) {
    await using on = await openMemoryLog();
    for (const gave of await runHistory(on, { seed, steps, topic: 't' })) seen.add(gave.replace(/\d+: | of \d+/g, ''));
  }
  for (const gave of ['epoch', 'ahead', 'trimmed', 'other-event', '']) assert.ok(seen.has(gave), `no history has "${gave}"`);
});

for (const [name, shared] of [
  ['a single Redis', sharedRedis],
  ['a Redis Cluster', sharedCluster],
] as readonly [string, () => Promise<RedisPlace>][])
  test(`${name}: any history gives what it gives in memory`, { timeout: 120_000 }, async () => {
    await using on = await openRedisLogs(shared);
    const check = async (seed: number) => {
      await using model = await openMemoryLog();
      const expected = await runHistory(model, { seed, steps, topic: 't' });
      assert.deepEqual(await runHistory(on, { seed, steps, topic: `t${seed}` }), expected, `seed ${seed}`);
    };
    for (let seed = 1; seed <= 60; seed += 10) await Promise.all(Array.from({ length: 10 }, (_, i) => check(seed + i)));
  });
