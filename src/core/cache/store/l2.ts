import { hash } from 'node:crypto';
import type { Clock } from '../../kit/clock.ts';
import type { Soon } from '../../kit/soon.ts';
import { pause } from '../../kit/until-called.ts';
import type { CacheEntry, CacheStore } from '../../ports/cache-store.ts';
import type { Lease, Leases } from '../../ports/leases.ts';
import { unavailable, type WaitBudget } from '../wait-budget.ts';

/** L2: the answers that all replicas of a cluster share, and the leases of those who compute them. */
export type L2 = {
  /** @throws StoreDown */
  get(key: string): Soon<CacheEntry | undefined>;
  /** Stores with the lease, which is over with it. @throws StoreDown */
  set(key: string, entry: CacheEntry, lease: Lease): ReturnType<CacheStore['set']>;
  /**
   * Takes the lease of a computation, or waits for what its holder stores.
   * @param usable what is there, if it can be used; asked after the lease was taken, too, because its last holder may
   * just have stored
   * @returns the lease; or what another stored; or neither, when that cannot be verified or the holder takes too long:
   * then compute, and do not store
   */
  leaseOrAnswer<T>(key: string, options: LeaseOptions<T>): Promise<{ readonly lease?: Lease; readonly found?: T }>;
  release(lease: Lease): void;
};

export type LeaseOptions<T> = {
  /** Of the computation: those of the same name may stand in for each other. */
  readonly name: string;
  readonly deadlineMs: number;
  /** Until the call that it is computed for ends. */
  readonly leftMs: number;
  readonly signal: AbortSignal;
  readonly budget: WaitBudget;
  readonly usable: (budget: WaitBudget) => Soon<T | undefined | typeof unavailable>;
};

/** What a lease lasts beyond its computation's deadline, for storing. */
const storingMs = 1_000;
/** How often a waiting replica asks. Milliseconds, growing by half each time. */
const [askFirstMs, askMaxMs] = [5, 50];
/**
 * The part of its time that a computation waits for another replica's: then enough is left to do it itself, if that one
 * has died.
 */
const waitShare = 0.5;

/**
 * An entry of another generation lies under the same key: what is computed now takes its place instead of doubling the
 * memory.
 */
export function openL2({ store, leases, clock }: { readonly store: CacheStore; readonly leases: Leases; readonly clock: Clock }): L2 {
  const release = (lease: Lease): void => void Promise.resolve(leases.release(lease)).catch(() => {}); // its time is over by itself
  const take = async (entry: string, name: string, ttlMs: number, budget: WaitBudget) => {
    const taking = leases.take(entry, name, ttlMs);
    const lease = await budget.wait(taking);
    if (lease === unavailable && taking instanceof Promise) taking.then((late) => late && release(late)).catch(() => {}); // it would keep others waiting for nobody
    return lease;
  };

  return {
    get: (key) => store.get(key),
    set: (key, entry, lease) => store.set(key, entry, lease),
    release,
    leaseOrAnswer: async (key, { name: computation, deadlineMs, leftMs, signal, budget, usable }) => {
      const name = hash('sha256', computation, 'base64url').slice(0, 22);
      const waitUntilMs = clock.nowMs() + leftMs * waitShare;
      for (let everyMs = askFirstMs, mine = budget; ; mine = budget.whileWaiting()) {
        const lease = await take(key, name, deadlineMs + storingMs, mine);
        if (lease === unavailable) return {};
        const found = await usable(mine);
        if (found !== undefined) {
          if (lease !== undefined) release(lease);
          // one that nobody can see may still be fresh in L1 elsewhere: a newer one stored beside it would make answers
          // go back and forth
          return found === unavailable ? {} : { found };
        }
        if (lease !== undefined) return { lease };
        for (let held: boolean | typeof unavailable = true; held === true; held = await budget.whileWaiting().wait(leases.held(key, name))) {
          if (clock.nowMs() >= waitUntilMs || signal.aborted) return {};
          await pause(clock, everyMs, signal);
          everyMs = Math.min(askMaxMs, everyMs * 1.5);
        }
      }
    },
  };
}
