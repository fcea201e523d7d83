import type { Clock } from '../kit/clock.ts';
import { Fault } from '../kit/fault.ts';
import type { StatusName } from '../kit/reasons.ts';
import { type Reasons, statusOf } from '../kit/status-error.ts';
import type { CacheEntry } from '../ports/cache-store.ts';
import type { ReadyCall } from '../ports/call.ts';
import type { CachedMethod } from './cached-method.ts';
import type { Layers } from './store/l1-and-l2.ts';
import type { WaitBudget } from './wait-budget.ts';

/** Failures that say nothing about what was asked for, so that an old answer is better than none. */
const covered: ReadonlySet<StatusName> = new Set(['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'INTERNAL', 'UNKNOWN', 'DATA_LOSS']);
/**
 * A service that refuses the call has answered, though the client receives INTERNAL: a user who lost access gets no old
 * answer.
 */
function isCovered(error: unknown, reasons: Reasons): boolean {
  return covered.has(statusOf(error, reasons)) && !(error instanceof Fault && error.reason === 'UPSTREAM_REFUSED');
}

/** A call whose computation failed or is partial, with the old answer that there is. */
type Failed = {
  readonly method: CachedMethod;
  readonly call: ReadyCall;
  readonly entry: CacheEntry | undefined;
  readonly budget: WaitBudget;
};

/** Old answers for calls whose computation fails (RFC 5861, stale-if-error). */
export type StaleIfError = {
  mayHelp(method: CachedMethod, entry: CacheEntry | undefined): entry is CacheEntry;
  /**
   * The old answer that covers `error`, if it is of that kind and the answer was not invalidated while its successor
   * was computed. If that cannot be verified, the same bound applies as without an error: only within its fresh time.
   */
  rescue(failed: Failed, error: unknown): Promise<CacheEntry | undefined>;
  /** The same in place of an answer with parts missing, where the policy prefers an old whole one. */
  insteadOfPartial(failed: Failed): Promise<CacheEntry | undefined>;
};

export function staleIfError({ layers, clock, reasons }: { layers: Layers; clock: Clock; reasons: Reasons }): StaleIfError {
  const mayHelp = (method: CachedMethod, entry: CacheEntry | undefined): entry is CacheEntry =>
    entry !== undefined && clock.nowMs() < entry.freshUntilMs + Math.max(method.cache.staleIfErrorMs, method.cache.staleWhileRevalidateMs);
  const stillGood = async ({ method, call, entry, budget }: Failed) => {
    if (call.signal.aborted || !mayHelp(method, entry)) return undefined;
    const found = await layers.again(entry, budget);
    if (found?.verdict === 'unknown' && clock.nowMs() >= entry.freshUntilMs) return undefined;
    // a soft invalidation makes an answer stale only for as long as it may be revalidated
    if (found?.verdict === 'soft' && clock.nowMs() >= entry.freshUntilMs + method.cache.staleWhileRevalidateMs) return undefined;
    return found?.entry;
  };
  return {
    mayHelp,
    rescue: async (failed, error) => (isCovered(error, reasons) ? stillGood(failed) : undefined),
    insteadOfPartial: async (failed) => (failed.method.cache.staleIfPartial ? stillGood(failed) : undefined),
  };
}
