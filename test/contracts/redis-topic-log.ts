import { setTimeout as sleep } from 'node:timers/promises';
import { openTopicLog } from '../support/redis/open-topic-log.ts';
import type { RedisPlace } from '../support/redis/redis.ts';
import { topicFaults } from '../support/redis/topic-faults.ts';
import { slowClock } from '../support/time/slow-clock.ts';
import type { TopicLogHarness } from './topic-log.ts';

/** Two replicas' ends of the topic log on a real Redis, with keys and channels of their own. */
export async function openRedisLogs(shared: () => Promise<RedisPlace>): Promise<TopicLogHarness> {
  const place = await shared();
  const [a, b] = await Promise.all([openTopicLog(place, slowClock), openTopicLog(place, slowClock)]);
  const elapse = async (ms: number) => {
    await sleep(ms);
  };
  const close = async () => {
    a.close();
    b.close();
  };
  return { a: a.log, b: b.log, announcements: b.bus, elapse, faults: topicFaults(a.redis), [Symbol.asyncDispose]: close };
}
