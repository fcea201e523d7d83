// The contract of the topic log on a real Redis and on a real Cluster of three nodes.
import { sharedCluster, sharedRedis } from '../support/redis/redis.ts';
import { openRedisLogs } from './redis-topic-log.ts';
import { topicLogContract } from './topic-log.ts';
import { topicLogTable } from './topic-log-table.ts';

for (const [name, shared] of [
  ['a single Redis', sharedRedis],
  ['a Redis Cluster', sharedCluster],
] as const) {
  topicLogContract(name, () => openRedisLogs(shared));
  topicLogTable(name, () => openRedisLogs(shared));
}
