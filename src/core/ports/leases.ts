import type { Soon } from '../kit/soon.ts';

/** The right to compute and store one answer for the whole cluster. */
export type Lease = {
  /** The entry's key in the shared store. */
  readonly entry: string;
  readonly name: string;
  /** Random: tells this holder from every other, earlier and later ones. */
  readonly token: string;
};

/**
 * Who computes what, so that an answer is computed once in the cluster.
 *
 * Promises, in every adapter:
 * - Of one name (of one entry) there is at most one holder at a time: from `take` until `release`, until the store has set the entry with the lease, or until its time is over.
 * - A lease that is over never comes back: the store refuses to set with it, whoever holds the name by then.
 */
export type Leases = {
  /**
   * @param name tells apart computations of the same entry that began with other versions
   * @param ttlMs whole milliseconds, longer than the computation may take
   * @returns undefined when another holds it
   */
  take(entry: string, name: string, ttlMs: number): Soon<Lease | undefined>;
  /** Whether anybody holds it now. */
  held(entry: string, name: string): Soon<boolean>;
  /** Gives it back; nothing happens when it is over already. */
  release(lease: Lease): Soon<void>;
};
