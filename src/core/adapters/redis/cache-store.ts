import type { Meter } from '@opentelemetry/api';
import type { Clock } from '../../kit/clock.ts';
import type { CacheEntry, CacheStore } from '../../ports/cache-store.ts';
import { memoryCacheStore } from '../memory/cache-store.ts';
import { countInvalidations } from '../telemetry/count-invalidations.ts';
import { bodyMax, decodeEntry, encodeEntry, entryBytesMax } from './cache-entry.ts';
import type { Redis } from './connection/open-redis.ts';
import { redisScript } from './connection/redis-script.ts';
import { redisLeases, withLeases } from './leases.ts';
import { limitReads, readsAtOnce } from './limit-and-batch-reads.ts';
import { entryKey, leaseKey } from './redis-keys.ts';
import { redisTagVersions } from './tag-versions.ts';

/**
 * KEYS: entry, lease. ARGV: token, value, milliseconds. A script whose reply was lost has ended the lease; the value is
 * there then.
 */
const setWithLease = redisScript(`${withLeases}
if heldBy(KEYS[2]) ~= ARGV[1] then return redis.pcall('GET', KEYS[1]) == ARGV[2] and 1 or 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('DEL', KEYS[2])
return 1`);

/**
 * KEYS: entry, lease. ARGV: token. In place of an entry that is too large: only the holder of the lease may delete the
 * earlier entry.
 */
const dropWithLease = redisScript(`${withLeases}
if heldBy(KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1], KEYS[2])
return 1`);

/** KEYS: entry. Gives it and what is left of its time: milliseconds. */
const readScript = redisScript(`return {redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])}`);

/**
 * Clocks of replicas that differ by less are taken as equal: a busy network and a busy process explain as much.
 * Milliseconds.
 */
const skewMs = 1_000;

/**
 * Answers that all replicas share. Each expires with its stale time; Redis' own bound applies besides. Times are of the
 * clock of the replica that stored the answer. Redis knows the remaining stale time, so all times are converted to the
 * reader's clock if it differs.
 */
export function redisCacheStore({ redis, clock }: { redis: Redis; clock: Clock }): CacheStore {
  const inTurn = limitReads(readsAtOnce);
  return {
    get: async (key) => {
      const place = entryKey(redis.prefix, key);
      let askedAtMs = 0;
      const [value, leftMs] = (await inTurn(() => {
        askedAtMs = clock.nowMs(); // before, so that the way here makes no answer younger
        return redis.run(readScript, [place]);
      })) as [Buffer | null, number];
      const entry = value === null ? undefined : decodeEntry(value);
      return entry && inOurTime(entry, askedAtMs + leftMs);
    },
    set: async (key, entry, lease) => {
      const place = entryKey(redis.prefix, key);
      const value = entry.body.length > bodyMax ? undefined : encodeEntry(entry); // what is refused anyway is not compressed, which holds the event loop up
      const leftMs = Math.max(1, Math.ceil(entry.staleUntilMs - clock.nowMs()));
      if (value === undefined || value.length > entryBytesMax) {
        if (lease === undefined) await redis.call(place, 'DEL', place);
        else await redis.run(dropWithLease, [place, leaseKey(redis.prefix, key, lease.name)], [lease.token]);
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

/** @param staleUntilMs by our clock */
function inOurTime(entry: CacheEntry, staleUntilMs: number): CacheEntry {
  const byMs = staleUntilMs - entry.staleUntilMs;
  if (Math.abs(byMs) <= skewMs) return entry;
  return { ...entry, computedAtMs: entry.computedAtMs + byMs, freshUntilMs: entry.freshUntilMs + byMs, staleUntilMs };
}

type Parts = {
  readonly redis: Redis;
  /** Another connection for answers: on a shared one every version would wait behind the answers on their way. */
  readonly bodies: Redis;
  readonly bytesMax: number;
  readonly clock: Clock;
  readonly token: () => string;
  readonly meter?: Meter;
};

/** What a cache of several replicas is made of: L1 in memory, L2 and the versions of tags in Redis. */
export function redisCache({ redis, bodies, bytesMax, clock, token, meter }: Parts) {
  return {
    store: memoryCacheStore({ bytesMax, meter }),
    versions: countInvalidations(redisTagVersions({ redis }), meter),
    shared: { store: redisCacheStore({ redis: bodies, clock }), leases: redisLeases({ redis, token }) },
    generation: redis.generation,
  };
}
