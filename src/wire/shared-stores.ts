import { randomUUID } from 'node:crypto';
import type { Meter } from '@opentelemetry/api';
import { memoryBus } from '../core/adapters/memory/bus.ts';
import { memoryPresence } from '../core/adapters/memory/presence-store.ts';
import { memoryTopicLog } from '../core/adapters/memory/topic-log.ts';
import { memoryTopicsOfUsers } from '../core/adapters/memory/topics-of-users.ts';
import { redisBus } from '../core/adapters/redis/bus.ts';
import { tryRedis, whenFit } from '../core/adapters/redis/check-redis-at-start.ts';
import { openRedis, type Redis } from '../core/adapters/redis/connection/open-redis.ts';
import type { RedisPlace } from '../core/adapters/redis/connection/redis-address.ts';
import { redisCopiesOfUsers } from '../core/adapters/redis/copies-of-users.ts';
import { redisPresence } from '../core/adapters/redis/presence-store.ts';
import { redisTopicLog } from '../core/adapters/redis/topic-log.ts';
import type { Clock } from '../core/kit/clock.ts';
import { randomDigits } from '../core/kit/random-digits.ts';
import type { Bus } from '../core/ports/bus.ts';
import type { Log } from '../core/ports/log.ts';
import type { Presence } from '../core/ports/presence.ts';
import type { TopicLog } from '../core/ports/topic-log.ts';
import type { CopiesOfUsers, OwnOfUsers } from '../core/ports/user-data.ts';
import type { Settings } from '../settings.ts';
import { silent } from './process-log.ts';
import { systemClock } from './system-clock.ts';

/** The state that replicas share besides SQL. */
export type SharedStores = {
  /** Undefined: this is the only replica, and all state is in memory. */
  readonly redis: Redis | undefined;
  /** Connections of their own for cached answers and pages of topics, which must not delay the reads of versions. */
  readonly bodies: Redis | undefined;
  readonly bus: Bus;
  readonly topics: TopicLog;
  /** What it has of users, by the part of an erasure. */
  readonly ofUsers: (own: OwnOfUsers) => Readonly<Record<string, CopiesOfUsers>>;
  readonly presence: Presence;
  /**
   * Resolved when Redis answers and fits. Also resolved after a timeout: then the server starts without Redis. Rejected
   * when Redis answers and does not fit.
   */
  readonly whenFit: Promise<void>;
  /** Its errors for /readyz. The server is ready nevertheless. */
  details(): readonly string[];
  close(): void;
};

/** Begins to connect to Redis, if it is configured. @throws Error when a file of its settings cannot be read */
export function openSharedStores(
  settings: Settings,
  { clock, log, meter }: { readonly clock: Clock; readonly log: Log; readonly meter: Meter },
): SharedStores {
  const randomHex = randomDigits();
  const randomId = () => randomHex(12);
  if (settings.redis === undefined) {
    const bus = memoryBus(log);
    const topics = memoryTopicLog({ clock, bus, randomId });
    const presence = memoryPresence({ clock, log, replica: randomId(), topics });
    const ofUsers = (own: OwnOfUsers) => ({ topics: memoryTopicsOfUsers(topics, own) });
    const none = { redis: undefined, bodies: undefined, whenFit: Promise.resolve(), details: () => [] };
    return { ...none, bus, topics, ofUsers, presence, close: presence.close };
  }
  const redis = openRedis(settings.redis, { clock, log, meter });
  const bodies = openRedis(settings.redis, { clock, log: silent, name: 'portico-answers' });
  const bus = redisBus({ redis, clock, log, meter, id: randomUUID() });
  const presence = redisPresence({ redis, clock, log, replica: randomId(), randomId });
  return {
    redis,
    bodies,
    bus,
    presence,
    ofUsers: (own) => redisCopiesOfUsers({ redis, bodies }, own),
    topics: redisTopicLog({ redis, pages: bodies, bus, randomId }),
    whenFit: whenFit(redis, { clock, log }),
    details: () => {
      const { up, sinceMs, troubles } = redis.state();
      return up ? [] : [`without Redis since ${new Date(sinceMs).toISOString()}: ${troubles.join('; ')}`];
    },
    close: () => {
      presence.close();
      bus.close();
      bodies.close();
      redis.close();
    },
  };
}

/** Verifies the configured Redis for `portico check`. @returns a description of it @throws Error with all errors */
export async function redisFit({ redis: place }: { readonly redis: RedisPlace | undefined }): Promise<string> {
  return place === undefined ? 'not set: everything in memory, for one replica only' : tryRedis(place, { clock: systemClock, log: silent });
}
