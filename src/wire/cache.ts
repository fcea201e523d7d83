import { randomUUID } from 'node:crypto';
import type { Meter } from '@opentelemetry/api';
import { dropAnswers } from '../core/adapters/memory/answers-of-users.ts';
import { memoryCache } from '../core/adapters/memory/cache-store.ts';
import { redisCache } from '../core/adapters/redis/cache-store.ts';
import { cacheCounts } from '../core/cache/cache-metrics.ts';
import { longestLifeMs } from '../core/cache/freshness.ts';
import { announceInvalidations } from '../core/cache/invalidation/announce-invalidations.ts';
import { type Cache, openCache } from '../core/cache/open-cache.ts';
import type { Clock } from '../core/kit/clock.ts';
import type { MethodPlan } from '../core/kit/method-plan.ts';
import type { Log } from '../core/ports/log.ts';
import type { CopiesOfUsers } from '../core/ports/user-data.ts';
import type { App } from '../core/screen/define-app.ts';
import { ownOfUsers } from '../core/services/user-data/scopes-and-topics.ts';
import type { Settings } from '../settings.ts';
import type { SharedStores } from './shared-stores.ts';

export type WiredCache = Cache & {
  /** Errors for /readyz. The server is ready nevertheless. */
  details(): readonly string[];
  /** The answers of users. Undefined: they are shared. */
  readonly ofUsers: CopiesOfUsers | undefined;
  /** Deletes the answers of users from this process. */
  readonly dropUsers: (userIds: readonly string[]) => Promise<void>;
};

export type WireCacheParts = {
  readonly settings: Settings;
  readonly app: App;
  readonly plans: readonly MethodPlan[];
  readonly shared: Pick<SharedStores, 'redis' | 'bodies' | 'bus'>;
  /** Status by reason. */
  readonly reasons: NonNullable<Parameters<typeof openCache>[0]['reasons']>;
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: Meter;
};

/** Stored answers: in this process, and with Redis in all replicas. */
export function wireCache({ settings, app, plans, shared: { redis, bodies, bus }, reasons, clock, log, meter }: WireCacheParts): WiredCache {
  const { bytesMax } = settings.cache;
  const counts = cacheCounts(meter);
  const parts = { bytesMax, clock, meter, ...ownOfUsers(settings) };
  const stores = redis && bodies ? { ...redisCache({ redis, bodies, token: randomUUID, ...parts }), ofUsers: undefined } : memoryCache(parts);
  const announcements = redis && announceInvalidations({ bus, log, from: randomUUID() });
  const cache = openCache({
    ...stores,
    ...(announcements && { announce: announcements.announce }),
    keepMs: longestLifeMs(plans),
    idleMs: () => performance.nodeTiming.idleTime,
    clock,
    random: () => Math.random(),
    counts,
    locales: localesOf(settings, app),
    reasons,
  });
  announcements?.receive(cache.announced);
  return {
    ...cache,
    ofUsers: stores.ofUsers,
    dropUsers: async (userIds) => void (await dropAnswers(stores.store, userIds, parts)),
    details: () => {
      const { now } = counts.pending;
      return now === 0 ? [] : [`${now} invalidated tags are still to be sent to Redis`];
    },
    close: () => {
      announcements?.close();
      cache.close();
    },
  };
}

function localesOf({ cache: { locales } }: Settings, { messages }: App): readonly [string, ...string[]] {
  const [first, ...others] = locales ?? ['en', ...Object.keys(messages).filter((locale) => locale !== 'en')];
  return [first ?? 'en', ...others];
}
