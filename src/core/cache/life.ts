import type { MethodPlan } from '../kit/plan.ts';

/** The longest that an answer may be served, stale time and the computation before it included. Milliseconds. */
export function longestLifeMs(plans: readonly MethodPlan[]): number {
  const lives = plans.map(({ cache, deadlineMs }) =>
    cache === undefined ? 0 : (deadlineMs ?? 0) + 1.1 * cache.ttlMs + Math.max(cache.staleWhileRevalidateMs, cache.staleIfErrorMs),
  );
  return Math.ceil(Math.max(60_000, ...lives));
}
