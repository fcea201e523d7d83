import { hash } from 'node:crypto';
import type { Clock } from '../kit/clock.ts';
import type { Soon } from '../kit/soon.ts';
import type { CacheEntry, CacheStore } from '../ports/cache-store.ts';
import type { Lease, Leases } from '../ports/leases.ts';
import type { Stamp } from './judge.ts';
import { gone, type Patience } from './patience.ts';

/** What all replicas of a cluster share. */
export type Shared = {
  /** @throws StoreDown */
  get(key: string): Soon<CacheEntry | undefined>;
  /** Stores with the lease, which is over with it. @throws StoreDown */
  set(key: string, entry: CacheEntry, lease: Lease): ReturnType<CacheStore['set']>;
  /**
   * Takes the lease of a computation, or waits for what its holder stores.
   * @param usable judges what is there; asked after the lease was taken, too, because its last holder may just have stored
   * @returns the lease; or what another stored; or neither, when nobody can tell or the holder takes too long: then compute, and do not store
   */
  leaseOrAnswer<T>(key: string, options: LeaseOptions<T>): Promise<{ readonly lease?: Lease; readonly found?: T }>;
  /**
   * The lease to store at once what was computed without one, if nobody else is computing.
   * @param newer whether what is there now is newer; `gone` when nobody can tell
   */
  leaseToStore(key: string, stamp: Stamp, newer: (patience: Patience) => Soon<boolean | typeof gone>, patience: Patience): Promise<Lease | undefined>;
  release(lease: Lease): void;
};

export type LeaseOptions<T> = {
  readonly stamp: Stamp;
  readonly deadlineMs: number;
  /** Until the call that it is computed for ends. */
  readonly leftMs: number;
  readonly signal: AbortSignal;
  readonly patience: Patience;
  readonly usable: (patience: Patience) => Soon<T | undefined | typeof gone>;
};

/** What a lease lasts beyond its computation's deadline, for storing. */
const storingMs = 1_000;
/** How often a waiting replica asks. Milliseconds, growing by half each time. */
const [askFirstMs, askMaxMs] = [5, 50];
/** The part of its time that a computation waits for another replica's: then enough is left to do it itself, if that one has died. */
const waitShare = 0.5;

export type SharedParts = {
  readonly store: CacheStore;
  readonly leases: Leases;
  readonly generation: () => string | undefined;
  readonly clock: Clock;
};

/** Keys of another generation of the store are other keys. */
export function openShared({ store, leases, generation, clock }: SharedParts): Shared {
  const placeOf = (key: string, of: string) => `${of} ${key}`;
  const release = (lease: Lease): void => void Promise.resolve(leases.release(lease)).catch(() => {}); // its time is over by itself
  const take = async (entry: string, name: string, ttlMs: number, patience: Patience) => {
    const taking = leases.take(entry, name, ttlMs);
    const lease = await patience.wait(taking);
    if (lease === gone && taking instanceof Promise) taking.then((late) => late && release(late)).catch(() => {}); // it would keep others waiting for nobody
    return lease;
  };
  const pause = (ms: number, signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      const cancel = clock.after(ms, () => over());
      const over = () => {
        cancel();
        signal.removeEventListener('abort', over);
        resolve();
      };
      signal.addEventListener('abort', over, { once: true });
    });

  return {
    get: (key) => {
      const current = generation();
      return current === undefined ? undefined : store.get(placeOf(key, current));
    },
    set: (key, entry, lease) => store.set(placeOf(key, entry.generation), entry, lease),
    release,
    leaseToStore: async (key, stamp, newer, patience) => {
      const entry = placeOf(key, stamp.generation);
      const lease = await take(entry, versionsName(stamp), storingMs, patience);
      if (lease === gone || lease === undefined) return undefined;
      if ((await newer(patience)) === false) return lease;
      release(lease);
      return undefined;
    },
    leaseOrAnswer: async (key, { stamp, deadlineMs, leftMs, signal, patience, usable }) => {
      const entry = placeOf(key, stamp.generation);
      const name = versionsName(stamp);
      const waitUntilMs = clock.nowMs() + leftMs * waitShare;
      for (let everyMs = askFirstMs, mine = patience; ; mine = patience.whileWaiting()) {
        const lease = await take(entry, name, deadlineMs + storingMs, mine);
        if (lease === gone) return {};
        const found = await usable(mine);
        if (found !== undefined) {
          if (lease !== undefined) release(lease);
          // one that nobody can see may still be fresh in memory elsewhere: a newer one stored beside it would make answers go back and forth
          return found === gone ? {} : { found };
        }
        if (lease !== undefined) return { lease };
        for (let held: boolean | typeof gone = true; held === true; held = await patience.whileWaiting().wait(leases.held(entry, name))) {
          if (clock.nowMs() >= waitUntilMs || signal.aborted) return {};
          await pause(everyMs, signal);
          everyMs = Math.min(askMaxMs, everyMs * 1.5);
        }
      }
    },
  };
}

/** After an invalidation newcomers take another lease than those who began before it. */
function versionsName({ versions }: Stamp): string {
  return hash('sha256', versions.join(), 'base64url').slice(0, 22);
}
