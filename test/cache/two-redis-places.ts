import { after, before, describe } from 'node:test';
import type { Redis } from '../../src/core/adapters/redis/connection/open-redis.ts';
import { openedRedis } from '../support/redis/opened-redis.ts';
import { type RedisPlace, sharedCluster, sharedRedis } from '../support/redis/redis.ts';

/** The tests on one Redis, and on a Cluster. @param tests are given two connections, which are open when a test runs */
export function onRedisAndCluster(tests: (connections: () => readonly Redis[], isCluster: boolean) => void): void {
  for (const [name, shared] of [
    ['one Redis', sharedRedis],
    ['a Redis Cluster', sharedCluster],
  ] as const)
    describe(`two replicas on ${name}`, () => {
      let connections: readonly Redis[] = [];
      before(async () => {
        const place: RedisPlace = await shared();
        connections = [await openedRedis(place), await openedRedis(place)];
      });
      after(() => {
        for (const redis of connections) redis.close();
      });
      tests(() => connections, shared === sharedCluster);
    });
}
