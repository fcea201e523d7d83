import type { Clock } from '../../kit/clock.ts';
import type { CacheStore } from '../../ports/cache-store.ts';
import { decodeEntry, encodeEntry } from './cache-entry.ts';
import { entryKey, leaseKey } from './cache-keys.ts';
import type { Redis } from './open-redis.ts';
import { redisScript } from './redis-script.ts';

/** The largest entry that is shared, as it is stored. Bytes. */
const entryBytesMax = 1_048_576;

/** KEYS: entry, lease. ARGV: token, value, milliseconds. */
const setWithLease = redisScript(`
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('DEL', KEYS[2])
return 1`);

/** Answers that all replicas share. Each is gone when its stale time is over; beyond that Redis' own bound holds. */
export function redisCacheStore({ redis, clock }: { redis: Redis; clock: Clock }): CacheStore {
  return {
    get: async (key) => {
      const place = entryKey(redis.prefix, key);
      const value = (await redis.call(place, 'GET', place)) as Buffer | null;
      return value === null ? undefined : decodeEntry(value);
    },
    set: async (key, entry, lease) => {
      const place = entryKey(redis.prefix, key);
      const value = encodeEntry(entry);
      const leftMs = Math.max(1, Math.ceil(entry.staleUntilMs - clock.nowMs()));
      const tooLarge = value.length > entryBytesMax;
      if (tooLarge) {
        await redis.call(place, 'DEL', place);
        return 'too_large';
      }
      if (lease === undefined) {
        await redis.call(place, 'SET', place, value, 'PX', leftMs);
        return 'stored';
      }
      const held = await redis.run(setWithLease, [place, leaseKey(redis.prefix, key, lease.name)], [lease.token, value, leftMs]);
      return held === 1 ? 'stored' : 'lease_over';
    },
  };
}
