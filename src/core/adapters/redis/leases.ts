import { StoreDown } from '../../kit/store-down.ts';
import type { Lease, Leases } from '../../ports/leases.ts';
import { leaseKey } from './cache-keys.ts';
import type { Redis } from './connection/open-redis.ts';
import { redisScript } from './connection/redis-script.ts';

/** KEYS: lease. ARGV: token. */
const releaseScript = redisScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`);

/** Most leases that are still to be given back when Redis answers again; what is over that ends by its time. */
const owedMax = 1_000;

/**
 * Leases that all replicas share. One that Redis may hold for nobody, because its answer was lost or it could not be told of the end, is given back as soon as Redis answers
 * again: a Redis that hung does on waking what it was asked before, and the others would wait for a computation that nobody makes.
 * @param token another one at each call, that nobody guesses or repeats
 */
export function redisLeases({ redis, token }: { redis: Redis; token: () => string }): Leases {
  let owed: Lease[] = [];
  const tell = async ({ entry, name, token }: Lease) => {
    await redis.run(releaseScript, [leaseKey(redis.prefix, entry, name)], [token]);
  };
  const release = async (lease: Lease) => {
    try {
      await tell(lease);
    } catch (error) {
      if (!(error instanceof StoreDown)) throw error;
      if (owed.length < owedMax) owed.push(lease);
    }
  };
  redis.onChange(() => {
    if (owed.length === 0 || !redis.state().up) return;
    const telling = owed;
    owed = [];
    for (const lease of telling) tell(lease).catch(() => {}); // it ends by its time
  });
  return {
    take: async (entry, name, ttlMs) => {
      const lease = { entry, name, token: token() };
      const key = leaseKey(redis.prefix, entry, name);
      try {
        return (await redis.call(key, 'SET', key, lease.token, 'NX', 'PX', ttlMs)) === null ? undefined : lease;
      } catch (error) {
        if (error instanceof StoreDown && (error.why === 'timeout' || error.why === 'connection')) void release(lease);
        throw error;
      }
    },
    held: async (entry, name) => {
      const key = leaseKey(redis.prefix, entry, name);
      return (await redis.call(key, 'EXISTS', key)) === 1;
    },
    release,
  };
}
