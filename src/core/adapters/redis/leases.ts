import { StoreDown } from '../../kit/store-down.ts';
import type { Lease, Leases } from '../../ports/leases.ts';
import type { Redis } from './connection/open-redis.ts';
import { redisScript } from './connection/redis-script.ts';
import { leaseKey } from './redis-keys.ts';

/**
 * A lease's value is "token end", the end in microseconds by the server's clock; Redis' own end of its life is far
 * later. A Redis that evicts the keys that expire first (volatile-ttl) would evict leases before every body, and no
 * computation could store its answer. A replica that dies with a lease leaves 100 bytes. Milliseconds: longer than any
 * answer lives.
 */
const keptMs = 32 * 86_400_000;

const heldBy = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local function heldBy(key)
  local token, ends = string.match(redis.call('GET', key) or '', '^(%S+) (%d+)$')
  if token and tonumber(ends) > now then return token end
end`;
/** Begins a script that stores with a lease: `heldBy(key)` is the token of its holder. */
export const withLeases = `#!lua${heldBy}`;

/** KEYS: lease. ARGV: token, microseconds that it lasts, milliseconds that it is kept. */
const takeScript = redisScript(`${withLeases}
if heldBy(KEYS[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. string.format(' %.0f', now + ARGV[2]), 'PX', ARGV[3])
return 1`);

/** KEYS: lease. ARGV: token. */
const releaseScript = redisScript(`#!lua flags=allow-oom${heldBy}
if heldBy(KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`);

/** KEYS: lease. */
const heldScript = redisScript(`#!lua flags=allow-oom${heldBy}
return heldBy(KEYS[1]) and 1 or 0`);

/** Most leases that are still to be given back when Redis answers again; what is over that ends by its time. */
const owedMax = 1_000;

/**
 * Leases that all replicas share. Redis may hold a lease without a holder, because its answer or the release was lost.
 * Such a lease is released as soon as Redis answers again: a Redis that hung executes earlier commands when it resumes,
 * and other replicas would wait for a computation that does not exist.
 * @param token a new unguessable token at each call
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
        const taken = await redis.run(takeScript, [key], [lease.token, ttlMs * 1_000, Math.max(keptMs, ttlMs)]);
        return taken === 1 ? lease : undefined;
      } catch (error) {
        if (error instanceof StoreDown && (error.why === 'timeout' || error.why === 'connection')) void release(lease);
        throw error;
      }
    },
    held: async (entry, name) => {
      const key = leaseKey(redis.prefix, entry, name);
      return (await redis.run(heldScript, [key])) === 1;
    },
    release,
  };
}
