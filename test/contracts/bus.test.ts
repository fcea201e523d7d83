import { memoryBus } from '../../src/core/adapters/memory/bus.ts';
import { quietLog } from '../support/log.ts';
import { openBus } from '../support/redis/open-bus.ts';
import { type RedisPlace, sharedCluster, sharedRedis } from '../support/redis/redis.ts';
import { busContract } from './bus.ts';

busContract('memory', async () => {
  const bus = memoryBus(quietLog);
  return { a: bus, b: bus, [Symbol.asyncDispose]: async () => {} };
});

const onRedis = (shared: () => Promise<RedisPlace>) => async () => {
  const place = await shared();
  const [a, b] = await Promise.all([openBus(place), openBus(place)]);
  return {
    a: a.bus,
    b: b.bus,
    [Symbol.asyncDispose]: async () => {
      a.close();
      b.close();
    },
  };
};
busContract('a single Redis', onRedis(sharedRedis));
busContract('a Redis Cluster', onRedis(sharedCluster));
