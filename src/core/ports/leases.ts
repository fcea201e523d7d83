import type { Soon } from '../kit/soon.ts';

/** The right to compute and store one answer for the whole cluster. */
export type Lease = {
  /** The entry's key in the shared store. */
  readonly entry: string;
  readonly name: string;
  /** Random: distinguishes this holder from every earlier and later one. */
  readonly token: string;
};

/**
 * Decides who computes an answer, so that it is computed once in the cluster.
 *
 * Promises, in every adapter:
 * - A name (of one entry) has at most one holder at a time: from `take` until `release`, until the store has set the
 * entry with the lease, or until the lease expires.
 * - A lease that has ended never becomes valid again: the store refuses to set an entry with it, whoever holds the name
 * by then.
 */
export type Leases = {
  /**
   * @param name distinguishes computations of the same entry that began with other versions
   * @param ttlMs whole milliseconds, longer than the computation may take
   * @returns undefined when another holds it
   */
  take(entry: string, name: string, ttlMs: number): Soon<Lease | undefined>;
  /** Whether it has a holder now. */
  held(entry: string, name: string): Soon<boolean>;
  /** Releases the lease. It has no effect after the lease has ended. */
  release(lease: Lease): Soon<void>;
};
