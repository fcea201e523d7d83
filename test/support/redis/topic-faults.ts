import { Redis as Client } from 'ioredis';
import type { Redis } from '../../../src/core/adapters/redis/connection/open-redis.ts';
import { requestKey, topicKeys } from '../../../src/core/adapters/redis/topic-log.ts';
import { slotOf } from '../../../src/core/kit/partitions.ts';

/** What can happen to the keys of a topic: done by the default user, who has every right. */
export function topicFaults(redis: Redis) {
  const asAdmin = async <T>(topic: string, act: (client: Client, keys: readonly string[]) => Promise<T>): Promise<T> => {
    const keys = topicKeys(redis.prefix, topic);
    const node = redis.router.nodeOf(redis.mode === 'cluster' ? slotOf(keys[0]) : 0);
    const [host, port] = node?.name.split(':') ?? [];
    const client = new Client({ host: host ?? '', port: Number(port), maxRetriesPerRequest: 0 });
    try {
      return await act(client, keys);
    } finally {
      client.disconnect();
    }
  };
  return {
    evictEvents: async (topic: string) => asAdmin(topic, async (client, [, ...keys]) => void (await client.del(...keys))),
    evictEpoch: async (topic: string) => asAdmin(topic, async (client, [log = '']) => void (await client.del(log))),
    save: async (topic: string) =>
      asAdmin(topic, async (client, keys) => {
        const kept = await Promise.all(keys.map(async (key) => ({ key, bytes: await client.dumpBuffer(key), ttlMs: await client.pttl(key) })));
        return async () =>
          asAdmin(topic, async (again) => {
            await again.del(...keys);
            for (const { key, bytes, ttlMs } of kept) if (bytes !== null) await again.restore(key, Math.max(0, ttlMs), bytes);
            const top = Number(await again.hget(keys[0] ?? '', 'o'));
            const requests = requestKey(redis.prefix, topic, '');
            for (const key of (await again.keys(`${redis.prefix}*`)).filter((key) => key.startsWith(requests)))
              if (Number((await again.get(key))?.split(' ')[1]) > top) await again.del(key);
          });
      }),
  };
}
