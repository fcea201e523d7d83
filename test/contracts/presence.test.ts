import { setTimeout as sleep } from 'node:timers/promises';
import { memoryBus } from '../../src/core/adapters/memory/bus.ts';
import { memoryPresenceStore } from '../../src/core/adapters/memory/presence-store.ts';
import { memoryTopicLog } from '../../src/core/adapters/memory/topic-log.ts';
import { presenceBy } from '../../src/core/adapters/presence/refresh-presence.ts';
import { presenceKeys, redisPresence } from '../../src/core/adapters/redis/presence-store.ts';
import { topicKeys } from '../../src/core/adapters/redis/topic-log.ts';
import { presenceTopicOf } from '../../src/core/ports/presence.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { quietLog } from '../support/log.ts';
import { openTopicLog, randomId } from '../support/redis/open-topic-log.ts';
import { type RedisPlace, sharedCluster, sharedRedis } from '../support/redis/redis.ts';
import { fakeClock } from '../support/time/clock.ts';
import { slowClock } from '../support/time/slow-clock.ts';
import { lostPresence, memberMs, presenceContract, refreshMs } from './presence.ts';

const times = { refreshMs, memberMs };

presenceContract('memory', async () => {
  const clock = fakeClock();
  const log = memoryTopicLog({ clock, bus: memoryBus(quietLog), randomId });
  const store = memoryPresenceStore({ clock, topics: log });
  const replica = (name: string) => presenceBy(store, { clock, log: quietLog, replica: name, ...times }).presence;
  return { a: replica('a'), b: replica('b'), log, elapse: clock.advance, [Symbol.asyncDispose]: async () => {} };
});

const onRedis = (shared: () => Promise<RedisPlace>) => async () => {
  const place = await shared();
  const [one, two] = await Promise.all([openTopicLog(place, slowClock), openTopicLog(place, slowClock)]);
  const replica = ({ redis }: typeof one) => redisPresence({ redis, clock: systemClock, log: quietLog, replica: randomId(), randomId, ...times });
  const [a, b] = [replica(one), replica(two)];
  const lose = async (topic: string, part: number) => {
    const key = [...presenceKeys(place.prefix, topic), topicKeys(place.prefix, presenceTopicOf(topic))[0]][part] ?? '';
    await one.redis.call(key, 'DEL', key);
  };
  const elapse = async (ms: number) => {
    await sleep(ms);
  };
  const close = async () => {
    for (const part of [a, b, one, two]) part.close();
  };
  return { a, b, log: one.log, lose, elapse, [Symbol.asyncDispose]: close };
};
for (const [name, shared] of [
  ['a single Redis', sharedRedis],
  ['a Redis Cluster', sharedCluster],
] as const) {
  presenceContract(name, onRedis(shared));
  lostPresence(name, onRedis(shared));
}
