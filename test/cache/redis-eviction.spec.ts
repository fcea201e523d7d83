// Redis evicts what is stored there, by whatever policy, and policies change while replicas are connected.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openedRedis } from '../support/redis/opened-redis.ts';
import { ownPrefix, type RedisServer, startRedisServer } from '../support/redis/redis.ts';
import { race } from './race.ts';
import { replicasOf, sleep } from './redis-world.ts';

/**
 * docs/operating/redis.md: the first two are recommended, "allkeys" ones refused at start. An operator may set any of
 * them later.
 */
const policies = [
  'noeviction',
  'volatile-ttl',
  'volatile-lru',
  'volatile-lfu',
  'volatile-random',
  'allkeys-lru',
  'allkeys-lfu',
  'allkeys-random',
] as const;

const infoOf = async (server: RedisServer, field: string) => Number(new RegExp(`${field}:(\\d+)`).exec(String(await server.command('INFO')))?.[1]);

/** Another user of the same Redis, whose keys end at some time and never leave it room. */
async function pressOn(server: RedisServer, until: AbortSignal): Promise<void> {
  await server.command('CONFIG', 'SET', 'maxmemory', (await infoOf(server, 'used_memory')) + 1_048_576);
  for (let i = 0; !until.aborted; i++) {
    const set = () => server.command('SET', `other:${i % 1_000}`, 'x'.repeat(20_000), 'EX', 3_600).catch(() => {}); // noeviction refuses it
    await Promise.all(Array.from({ length: 10 }, set));
    await sleep(5);
  }
}

for (const policy of policies) {
  test(`maxmemory-policy set to ${policy} at run time, and memory full: nothing old is served as fresh, and invalidations are done`, async () => {
    await using server = await startRedisServer({ config: ['maxmemory-policy noeviction'] });
    const place = { mode: 'single' as const, nodes: [server.address], prefix: ownPrefix() };
    const connections = [await openedRedis(place), await openedRedis(place)];
    const over = new AbortController();
    try {
      const racing = race({ ...replicasOf(connections, 1), ttlMs: 1_000, readers: 50, reads: 10, invalidations: 60, moreTags: 10 });
      await sleep(50);
      await server.command('CONFIG', 'SET', 'maxmemory-policy', policy);
      const pressing = pressOn(server, over.signal);
      const { staleAsFresh, foreign, failures } = await racing;
      over.abort();
      await pressing;
      assert.deepEqual({ staleAsFresh, foreign, failures }, { staleAsFresh: [], foreign: [], failures: [] });
      if (policy !== 'noeviction') assert.ok((await infoOf(server, 'evicted_keys')) > 0, 'nothing was evicted');
    } finally {
      over.abort();
      for (const redis of connections) redis.close();
    }
  });
}

test('FLUSHALL again and again during the race: nothing old is served as fresh, and invalidations are done', async () => {
  await using server = await startRedisServer({});
  const place = { mode: 'single' as const, nodes: [server.address], prefix: ownPrefix() };
  const connections = [await openedRedis(place), await openedRedis(place)];
  try {
    let racing = true;
    const raced = race({ ...replicasOf(connections, 2), ttlMs: 1_000, readers: 50, reads: 20, moreTags: 70, errors: 0.1 }).finally(() => {
      racing = false;
    });
    let flushed = 0;
    for (; racing; flushed++) {
      await server.command('FLUSHALL');
      await sleep(30);
    }
    const { staleAsFresh, foreign, failures } = await raced;
    assert.deepEqual({ staleAsFresh, foreign, failures }, { staleAsFresh: [], foreign: [], failures: [] });
    assert.ok(flushed > 3, `flushed ${flushed} times`);
  } finally {
    for (const redis of connections) redis.close();
  }
});
