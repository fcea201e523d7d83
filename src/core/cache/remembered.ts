import type { Clock } from '../kit/clock.ts';
import type { Soon } from '../kit/soon.ts';
import { soonThen } from '../kit/soon.ts';
import type { CacheEntry, CacheStore, KeptForms } from '../ports/cache-store.ts';
import type { Judge, Judgement } from './judge.ts';
import { gone, type Patience } from './patience.ts';
import type { Shared } from './shared.ts';

/** An entry that may be served in one way or another. */
export type Remembered = { readonly entry: CacheEntry; readonly judgement: Exclude<Judgement, 'moved'> };

/** The entries of this process, and behind them those that all replicas share. */
export type Memory = {
  /** Not async: a hit in memory waits for nothing. */
  find(key: string, patience: Patience): Soon<Remembered | undefined>;
  /** An entry again, judged anew; undefined when it was invalidated or its time is wholly over. */
  again(entry: CacheEntry, patience: Patience): Soon<Remembered | undefined>;
  /** What another replica may have stored by now, judged, and kept here, too; `gone` when nobody can tell, which is not the same as nothing. */
  findShared(key: string, patience: Patience): Soon<Remembered | undefined | typeof gone>;
  /** Keeps an entry here, unless a newer one is here already. */
  keep(key: string, entry: CacheEntry): Soon<boolean>;
  /** Where other forms of an entry that was found here are kept. */
  forms(key: string, entry: CacheEntry): KeptForms | undefined;
};

export function openMemory({ store, shared, judge, clock }: { store: CacheStore; shared: Shared | undefined; judge: Judge; clock: Clock }): Memory {
  /** Look-ups that several calls wait for: each judges for itself what comes. */
  const lookups = new Map<string, Soon<CacheEntry | undefined>>();

  const again: Memory['again'] = (entry, patience) => {
    if (clock.nowMs() >= entry.staleUntilMs) return undefined;
    return soonThen(judge(entry, patience), (judgement) => (judgement === 'moved' ? undefined : { entry, judgement }));
  };
  /** What replicas share is newer than what is over here, in whatever order they began: each waited for the lease. */
  const isNewer = (old: CacheEntry, entry: CacheEntry) =>
    old.generation === entry.generation && old.startedAt > entry.startedAt && (shared === undefined || clock.nowMs() < old.freshUntilMs);
  const keep: Memory['keep'] = (key, entry) =>
    soonThen(store.get(key), (old) => {
      if (old !== undefined && isNewer(old, entry)) return true;
      return soonThen(store.set(key, entry), (result) => result === 'stored');
    });
  const lookUp = (shared: Shared, key: string): Soon<CacheEntry | undefined> => {
    const known = lookups.get(key);
    if (known !== undefined) return known;
    const looking = shared.get(key);
    if (looking instanceof Promise) {
      lookups.set(key, looking);
      const over = () => lookups.delete(key);
      looking.then(over, over);
    }
    return looking;
  };
  const findShared: Memory['findShared'] = (key, patience) => {
    if (shared === undefined) return undefined;
    return judged(key, shared.get(key), patience);
  };
  const judged = (key: string, looking: Soon<CacheEntry | undefined>, patience: Patience): Soon<Remembered | undefined | typeof gone> =>
    soonThen(patience.wait(looking), (entry) => {
      if (entry === undefined || entry === gone) return entry;
      return soonThen(again(entry, patience), (found) => (found === undefined ? undefined : soonThen(keep(key, entry), () => found)));
    });

  return {
    forms: (key, entry) => store.forms?.(key, entry),
    again,
    keep,
    findShared,
    find: (key, patience) =>
      soonThen(store.get(key), (entry) =>
        soonThen(entry && again(entry, patience), (own) => {
          const enough = own !== undefined && own.judgement !== 'soft' && clock.nowMs() < own.entry.freshUntilMs;
          if (enough || shared === undefined) return own;
          return soonThen(judged(key, lookUp(shared, key), patience), (other) => (other === gone ? own : (other ?? own))); // another replica may have computed it anew
        }),
      ),
  };
}
