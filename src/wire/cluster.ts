import { randomUUID } from 'node:crypto';
import type { Meter } from '@opentelemetry/api';
import { memoryBus } from '../core/adapters/memory/bus.ts';
import { redisBus } from '../core/adapters/redis/bus.ts';
import { openRedis, type Redis } from '../core/adapters/redis/open-redis.ts';
import type { Clock } from '../core/kit/clock.ts';
import type { Bus } from '../core/ports/bus.ts';
import type { Log } from '../core/ports/log.ts';
import type { Settings } from '../settings.ts';

/** What replicas share besides SQL. */
export type Cluster = {
  /** Undefined: this is the only replica, and everything is in memory. */
  readonly redis: Redis | undefined;
  readonly bus: Bus;
  /** Resolved when it answers and fits, or does not answer for a while: the server starts without it. Rejected when it answers and does not fit. */
  readonly whenFit: Promise<void>;
  /** What of it is wrong, for /readyz: the server is ready all the same. */
  details(): readonly string[];
  close(): void;
};

/** A start does not wait longer for Redis to answer: others can do without it, so can we. Milliseconds. */
const startMs = 2_000;

/** Begins to connect to Redis, where it is set. @throws Error when a file of its settings cannot be read */
export function openCluster(settings: Settings, { clock, log, meter }: { readonly clock: Clock; readonly log: Log; readonly meter: Meter }): Cluster {
  if (settings.redis === undefined) return { redis: undefined, bus: memoryBus(log), whenFit: Promise.resolve(), details: () => [], close: () => {} };
  const redis = openRedis(settings.redis, { clock, log, meter });
  const bus = redisBus({ redis, clock, log, meter, id: randomUUID() });
  return {
    redis,
    bus,
    whenFit: fits(redis, clock, log),
    details: () => {
      const { up, sinceMs, troubles } = redis.state();
      return up ? [] : [`without Redis since ${new Date(sinceMs).toISOString()}: ${troubles.join('; ')}`];
    },
    close: () => {
      bus.close();
      redis.close();
    },
  };
}

/** @throws Error with everything about it that does not fit */
export async function fits(redis: Redis, clock: Clock, log: Log, withinMs = startMs): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = () => {
      stop();
      cancel();
      resolve();
    };
    const look = () => {
      if (redis.state().up || redis.misfits().length > 0) done();
    };
    const stop = redis.onChange(look);
    const cancel = clock.after(withinMs, done);
    look();
  });
  const misfits = redis.misfits();
  if (misfits.length > 0) throw new Error(`Redis does not fit: ${misfits.join(' ')}`);
  if (!redis.state().up) log.warn('Redis does not answer: this replica starts without it.', { troubles: redis.state().troubles });
}
