import type { Clock } from '../kit/clock.ts';
import { Fault } from '../kit/fault.ts';
import { marginMs } from '../kit/margin.ts';
import type { Reasons } from '../kit/status-of.ts';
import type { CacheEntry } from '../ports/cache-store.ts';
import type { ReadyCall } from '../ports/call.ts';
import type { CachedMethod } from './method.ts';
import type { Patience } from './patience.ts';
import type { Memory, Remembered } from './remembered.ts';
import { staleMayHelp } from './status.ts';

/** An answer from further ahead is of a time before our clock was set back: nobody can tell how old it is. More than the clocks of replicas may differ (cache-store.ts). Milliseconds. */
const aheadMs = 5_000;

/** May this remembered answer be served at once, and how: as fresh; as an old one, with a new one computed behind it or not; or not at all. */
export function servedAs(
  { cache }: CachedMethod,
  { entry, judgement }: Remembered,
  nowMs: number,
): 'fresh' | 'stale, recompute' | 'stale' | undefined {
  const inTime = nowMs < entry.freshUntilMs && nowMs > entry.computedAtMs - aheadMs;
  if (judgement === 'unknown') return inTime ? 'stale' : undefined; // whether it was invalidated cannot be told: never as fresh
  if (inTime && judgement === 'unmoved') return 'fresh';
  return cache.staleWhileRevalidateMs > 0 && nowMs < entry.freshUntilMs + cache.staleWhileRevalidateMs ? 'stale, recompute' : undefined;
}

/** Old answers for calls whose computation fails (RFC 5861, stale-if-error). */
export type StaleIfError = {
  mayHelp(method: CachedMethod, entry: CacheEntry | undefined): entry is CacheEntry;
  /** The old answer that covers `error`, if it is of that kind and the answer was not invalidated while its successor was computed. */
  rescue(method: CachedMethod, call: ReadyCall, entry: CacheEntry | undefined, error: unknown, patience: Patience): Promise<CacheEntry | undefined>;
  /** Waits until shortly before the call's deadline: then there is still time to send the old answer. @param onLate is called before it fails */
  untilLate<T>(call: ReadyCall, waited: Promise<T>, onLate: () => void): Promise<T>;
};

export function staleIfError({ memory, clock, reasons }: { memory: Memory; clock: Clock; reasons: Reasons }): StaleIfError {
  const mayHelp = (method: CachedMethod, entry: CacheEntry | undefined): entry is CacheEntry =>
    entry !== undefined && clock.nowMs() < entry.freshUntilMs + method.cache.staleIfErrorMs;
  return {
    mayHelp,
    rescue: async (method, call, entry, error, patience) => {
      if (call.signal.aborted || !mayHelp(method, entry) || !staleMayHelp(error, reasons)) return undefined;
      return (await memory.again(entry, patience))?.entry;
    },
    untilLate: (call, waited, onLate) => {
      const { deadlineAtMs } = call;
      if (deadlineAtMs === undefined) return waited;
      const leftMs = deadlineAtMs - clock.nowMs();
      return new Promise((resolve, reject) => {
        const cancelTimer = clock.after(Math.max(0, leftMs - marginMs(leftMs)), () => {
          onLate();
          reject(new Fault('DEADLINE_EXCEEDED', `The answer was not computed within ${leftMs} ms.`, { metadata: { deadlineMs: String(leftMs) } }));
        });
        waited.then(resolve, reject).finally(cancelTimer);
      });
    },
  };
}
