import type { Leases } from '../../ports/leases.ts';
import { leaseKey } from './cache-keys.ts';
import type { Redis } from './open-redis.ts';
import { redisScript } from './redis-script.ts';

/** KEYS: lease. ARGV: token. */
const releaseScript = redisScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`);

/** Leases that all replicas share. @param token another one at each call, that nobody guesses or repeats */
export function redisLeases({ redis, token }: { redis: Redis; token: () => string }): Leases {
  return {
    take: async (entry, name, ttlMs) => {
      const lease = { entry, name, token: token() };
      const key = leaseKey(redis.prefix, entry, name);
      return (await redis.call(key, 'SET', key, lease.token, 'NX', 'PX', ttlMs)) === null ? undefined : lease;
    },
    held: async (entry, name) => {
      const key = leaseKey(redis.prefix, entry, name);
      return (await redis.call(key, 'EXISTS', key)) === 1;
    },
    release: async ({ entry, name, token }) => {
      await redis.run(releaseScript, [leaseKey(redis.prefix, entry, name)], [token]);
    },
  };
}
