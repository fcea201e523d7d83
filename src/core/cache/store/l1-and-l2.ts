import type { Clock } from '../../kit/clock.ts';
import type { Soon } from '../../kit/soon.ts';
import { soonThen } from '../../kit/soon.ts';
import type { CacheEntry, CacheStore, KeptForms } from '../../ports/cache-store.ts';
import type { Verdict, Verify } from '../invalidation/verify-tags.ts';
import { unavailable, type WaitBudget } from '../wait-budget.ts';

/** An entry that may be served in one way or another. */
export type Found = { readonly entry: CacheEntry; readonly verdict: Exclude<Verdict, 'invalidated'> };

/** L1, the entries of this process, and behind them L2, those that all replicas share. */
export type Layers = {
  /** Not async: a hit in L1 waits for nothing. */
  find(key: string, budget: WaitBudget): Soon<Found | undefined>;
  /** An entry verified anew; undefined when it was invalidated or its time is wholly over. */
  again(entry: CacheEntry, budget: WaitBudget): Soon<Found | undefined>;
  /**
   * What another replica may have stored by now, verified, and kept in L1, too; `unavailable` when that cannot be
   * verified, which differs from nothing.
   */
  findL2(key: string, budget: WaitBudget): Soon<Found | undefined | typeof unavailable>;
  /** Keeps an entry in L1, unless a newer one is there already. */
  keepL1(key: string, entry: CacheEntry): Soon<boolean>;
  /** Where other forms of an entry that was found in L1 are kept. */
  forms(key: string, entry: CacheEntry): KeptForms | undefined;
};

export function openLayers({ l1, l2, verify, clock }: { l1: CacheStore; l2: CacheStore | undefined; verify: Verify; clock: Clock }): Layers {
  /** Look-ups in L2 that several calls wait for: each verifies for itself what comes. */
  const lookups = new Map<string, Soon<CacheEntry | undefined>>();

  const again: Layers['again'] = (entry, budget) => {
    if (clock.nowMs() >= entry.staleUntilMs) return undefined;
    return soonThen(verify(entry, budget), (verdict) => (verdict === 'invalidated' ? undefined : { entry, verdict }));
  };
  /** What replicas share is newer than what is over here, in whatever order they began: each waited for the lease. */
  const isNewer = (old: CacheEntry, entry: CacheEntry) =>
    old.generation === entry.generation && old.startedAt > entry.startedAt && (l2 === undefined || clock.nowMs() < old.freshUntilMs);
  const keepL1: Layers['keepL1'] = (key, entry) =>
    soonThen(l1.get(key), (old) => {
      if (old !== undefined && isNewer(old, entry)) return true;
      return soonThen(l1.set(key, entry), (result) => result === 'stored');
    });
  const lookUp = (l2: CacheStore, key: string): Soon<CacheEntry | undefined> => {
    const known = lookups.get(key);
    if (known !== undefined) return known;
    const looking = l2.get(key);
    if (looking instanceof Promise) {
      lookups.set(key, looking);
      const over = () => lookups.delete(key);
      looking.then(over, over);
    }
    return looking;
  };
  const verified = (key: string, looking: Soon<CacheEntry | undefined>, budget: WaitBudget): Soon<Found | undefined | typeof unavailable> =>
    soonThen(budget.wait(looking), (entry) => {
      if (entry === undefined || entry === unavailable) return entry;
      return soonThen(again(entry, budget), (found) => (found === undefined ? undefined : soonThen(keepL1(key, entry), () => found)));
    });

  return {
    again,
    keepL1,
    forms: (key, entry) => l1.forms?.(key, entry),
    findL2: (key, budget) => (l2 === undefined ? undefined : verified(key, l2.get(key), budget)),
    find: (key, budget) =>
      soonThen(l1.get(key), (entry) =>
        soonThen(entry && again(entry, budget), (own) => {
          const enough = own !== undefined && own.verdict !== 'soft' && clock.nowMs() < own.entry.freshUntilMs;
          if (enough || l2 === undefined) return own;
          return soonThen(verified(key, lookUp(l2, key), budget), (other) => (other === unavailable ? own : (other ?? own))); // another replica may have computed it anew
        }),
      ),
  };
}
