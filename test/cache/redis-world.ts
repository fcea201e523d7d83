// The race's replicas on a real Redis.
import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { redisCacheStore } from '../../src/core/adapters/redis/cache-store.ts';
import type { Redis } from '../../src/core/adapters/redis/connection/open-redis.ts';
import { redisLeases } from '../../src/core/adapters/redis/leases.ts';
import { redisTagVersions } from '../../src/core/adapters/redis/tag-versions.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { testCounts } from '../support/cache/counts.ts';
import { ownPrefix } from '../support/redis/redis.ts';
import { seeded } from '../support/time/seeded.ts';
import type { RaceOptions } from './race.ts';
import { openReplica, type ReplicaParts, shortLeases } from './replicas.ts';
import { delayed } from './slow.ts';

const clock = systemClock;
export const sleep = async (ms: number) => {
  await wait(ms);
};
export type Without = (parts: ReplicaParts) => Partial<ReplicaParts>;

/** Replicas with connections of their own, one truth, and every step delayed by chance. */
export function replicasOf(connections: readonly Redis[], seed: number, { without, leaseMs }: { without?: Without; leaseMs?: number } = {}) {
  const random = seeded(seed);
  const step = delayed(() => sleep(random() * 2));
  const prefix = ownPrefix();
  const counts = testCounts();
  const caches = connections.map((connection) => {
    const redis = { ...connection, prefix };
    const leases = redisLeases({ redis, token: randomUUID });
    const shared = { store: redisCacheStore({ redis, clock }), leases: leaseMs === undefined ? leases : shortLeases(leases, leaseMs) };
    const versions = redisTagVersions({ redis });
    return openReplica({ versions, shared }, { clock, random, step, generation: redis.generation, counts, ...(without && { without }) });
  });
  const unanswered = () => counts.storeFailures.down + counts.storeFailures.slow;
  return { caches, clock, random, sleep, unanswered } satisfies Partial<RaceOptions>;
}
