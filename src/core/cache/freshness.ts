import type { MethodPlan } from '../kit/method-plan.ts';
import type { CachedMethod } from './cached-method.ts';
import type { Found } from './store/l1-and-l2.ts';

/**
 * An answer from further in the future was computed before this clock was set back, so its age is unknown. It is more
 * than the clocks of replicas may differ (adapters/redis/cache-store.ts). Milliseconds.
 */
const aheadMs = 5_000;

/**
 * How an entry may be served at once: as fresh; as an old one, with a new one computed behind it or not; or not at all.
 */
export type Freshness = 'fresh' | 'stale, recompute' | 'stale' | undefined;

export function freshnessOf({ cache }: CachedMethod, { entry, verdict }: Found, nowMs: number): Freshness {
  const inTime = nowMs < entry.freshUntilMs && nowMs > entry.computedAtMs - aheadMs;
  if (verdict === 'unknown') return inTime ? 'stale' : undefined; // it may have been invalidated, so it is never fresh
  if (inTime && verdict === 'current') return 'fresh';
  return cache.staleWhileRevalidateMs > 0 && nowMs < entry.freshUntilMs + cache.staleWhileRevalidateMs ? 'stale, recompute' : undefined;
}

/**
 * When an answer's fresh and stale times end. Times to live vary by 10 % either way, lest what was stored together ends
 * together.
 * @param random from 0 up to 1
 */
export function lifeOf({ cache }: CachedMethod, nowMs: number, random: number) {
  const freshUntilMs = nowMs + Math.max(1, Math.round(cache.ttlMs * (0.9 + 0.2 * random)));
  return { freshUntilMs, staleUntilMs: freshUntilMs + Math.max(cache.staleWhileRevalidateMs, cache.staleIfErrorMs) };
}

/**
 * The longest that an answer of any method may be served, stale time and the computation before it included.
 * Milliseconds.
 */
export function longestLifeMs(plans: readonly MethodPlan[]): number {
  const lives = plans.map(({ cache, deadlineMs }) =>
    cache === undefined ? 0 : (deadlineMs ?? 0) + 1.1 * cache.ttlMs + Math.max(cache.staleWhileRevalidateMs, cache.staleIfErrorMs),
  );
  return Math.ceil(Math.max(60_000, ...lives));
}
