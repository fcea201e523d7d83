import { hash } from 'node:crypto';
import type { Clock } from '../../kit/clock.ts';
import type { Soon } from '../../kit/soon.ts';
import { pause } from '../../kit/until-called.ts';
import type { Lease, Leases } from '../../ports/leases.ts';
import { unavailable, type WaitBudget } from '../wait-budget.ts';

/** The replicas that may be computing the same answer: one has its lease, and the others wait for what it stores. */
export type OtherReplicas = {
  /**
   * Takes the lease of a computation, or waits for what its holder stores.
   * @param usable what is there, if it can be used; asked after the lease was taken, too, because its last holder may
   * just have stored
   * @returns the lease; or what another stored; or neither, when the store does not answer (`unanswered`) or the holder
   * takes too long: then compute, and do not store
   */
  leaseOrAnswer<T>(key: string, options: LeaseOptions<T>): Promise<{ readonly lease?: Lease; readonly found?: T; readonly unanswered?: boolean }>;
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

export function otherReplicas({ leases, clock }: { readonly leases: Leases; readonly clock: Clock }): OtherReplicas {
  const release = (lease: Lease): void => void Promise.resolve(leases.release(lease)).catch(() => {}); // its time is over by itself
  const take = async (entry: string, name: string, ttlMs: number, budget: WaitBudget) => {
    const taking = leases.take(entry, name, ttlMs);
    const lease = await budget.wait(taking);
    if (lease === unavailable && taking instanceof Promise) taking.then((late) => late && release(late)).catch(() => {}); // it would keep others waiting for nobody
    return lease;
  };

  return {
    release,
    leaseOrAnswer: async (key, { name: computation, deadlineMs, leftMs, signal, budget, usable }) => {
      const name = hash('sha256', computation, 'base64url').slice(0, 22);
      const waitUntilMs = clock.nowMs() + leftMs * waitShare;
      for (let everyMs = askFirstMs, mine = budget; ; mine = budget.whileWaiting()) {
        const lease = await take(key, name, deadlineMs + storingMs, mine);
        if (lease === unavailable) return { unanswered: true };
        const found = await usable(mine);
        if (found !== undefined) {
          if (lease !== undefined) release(lease);
          // one that nobody can see may still be fresh in L1 elsewhere: a newer one stored beside it would make answers
          // go back and forth
          return found === unavailable ? { unanswered: true } : { found };
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
