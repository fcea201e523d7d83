import { randomUUID } from 'node:crypto';
import type { Meter } from '@opentelemetry/api';
import { memoryCache } from '../core/adapters/memory/cache-store.ts';
import { redisCache } from '../core/adapters/redis/cache-store.ts';
import { cacheCounts } from '../core/cache/cache-metrics.ts';
import { longestLifeMs } from '../core/cache/freshness.ts';
import { announceInvalidations } from '../core/cache/invalidation/announce-invalidations.ts';
import { type Cache, openCache } from '../core/cache/open-cache.ts';
import type { Clock } from '../core/kit/clock.ts';
import type { MethodPlan } from '../core/kit/method-plan.ts';
import type { Log } from '../core/ports/log.ts';
import type { App } from '../core/screen/define-app.ts';
import type { Settings } from '../settings.ts';
import type { SharedStores } from './shared-stores.ts';

export type WiredCache = Cache & {
  /** Errors for /readyz. The server is ready nevertheless. */
  details(): readonly string[];
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
  const announcements = redis && announceInvalidations({ bus, log, from: randomUUID() });
  const cache = openCache({
    ...(redis && bodies ? redisCache({ redis, bodies, bytesMax, clock, token: randomUUID, meter }) : memoryCache({ bytesMax, clock, meter })),
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
