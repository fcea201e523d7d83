// The contract of the topic log on a real Redis and on a real Cluster of three nodes.
import { setTimeout as sleep } from 'node:timers/promises';
import { openTopicLog } from '../support/redis/open-topic-log.ts';
import { type RedisPlace, sharedCluster, sharedRedis } from '../support/redis/redis.ts';
import { topicFaults } from '../support/redis/topic-faults.ts';
import { topicLogContract } from './topic-log.ts';
import { topicLogTable } from './topic-log-table.ts';

const elapse = async (ms: number) => {
  await sleep(ms);
};
const on = (shared: () => Promise<RedisPlace>) => async () => {
  const place = await shared(); // with keys and channels of its own
  const [a, b] = await Promise.all([openTopicLog(place), openTopicLog(place)]);
  const close = async () => {
    a.close();
    b.close();
  };
  return { a: a.log, b: b.log, elapse, faults: topicFaults(a.redis), [Symbol.asyncDispose]: close };
};

for (const [name, shared] of [
  ['a single Redis', sharedRedis],
  ['a Redis Cluster', sharedCluster],
] as const) {
  topicLogContract(name, on(shared));
  topicLogTable(name, on(shared));
}
