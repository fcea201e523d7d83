import type { Soon } from '../kit/soon.ts';
import type { Lease } from './leases.ts';

/** Metadata as plain data: pairs of a lower-case key and its values. */
export type MetadataPairs = readonly (readonly [key: string, values: readonly (string | Uint8Array)[]])[];

/** An answer's other wire forms, such as its JSON: each is created once, when it is first sent. */
export type KeptForms = {
  get(form: string): Uint8Array | undefined;
  /** Keeps a form beside the answer, and counts its bytes, if there is room for it. */
  keep(form: string, bytes: Uint8Array): void;
};

/** One cached answer. Immutable: its bytes may be passed on, and are never written. */
export type CacheEntry = {
  /** The response message's bytes, not a view into a larger buffer. */
  readonly body: Uint8Array;
  /** Strong, with its quotes (RFC 9110, 8.8.3). */
  readonly etag: string;
  /** What the computation answered as initial metadata and as trailers; mostly empty. */
  readonly metadata: MetadataPairs;
  readonly trailers: MetadataPairs;
  /**
   * Of the store of versions (a failed-over Redis is another one): versions of different generations are not
   * comparable.
   */
  readonly generation: string;
  /** At most 64, with the versions they had before the computation began. */
  readonly tags: readonly string[];
  readonly versions: readonly number[];
  /**
   * When its computation began, in the time of the versions: of two answers of one generation the one that began later
   * is the newer.
   */
  readonly startedAt: number;
  /**
   * Milliseconds since 1970: when the computation ended, until when the answer is fresh, and until when it may be
   * served as stale.
   */
  readonly computedAtMs: number;
  readonly freshUntilMs: number;
  readonly staleUntilMs: number;
  /** Whose it counts as: no scope may take more than its share of the bytes. */
  readonly scope: string;
};

/**
 * Why an entry is not kept: larger than its scope's share; or the lease to store it is over, and another may have
 * stored a newer one.
 */
export type SetResult = 'stored' | 'too_large' | 'lease_over';

/**
 * Stores answers. It knows nothing of freshness: the reader verifies what it returns.
 *
 * Promises, in every adapter:
 * - `get` returns the entry that was last `set` under this key, or nothing: an entry may disappear at any time, and
 * never belongs to another key.
 * - All entries together stay within a bound: in memory the adapter's own (bodies, keys, tags and an allowance for each
 * entry), beyond which the least recently used entry is removed; in Redis its `maxmemory`, and an entry expires with
 * its stale time.
 * - In memory the bytes of one scope stay within a tenth of that bound. Over it the scope's own oldest entries go,
 * never those of others.
 * - The times of what `get` gives are by the clock of who asks, whoever stored it; clocks that agree to a second are
 * taken as equal.
 * - Adapters of a shared store throw StoreDown.
 */
export type CacheStore = {
  get(key: string): Soon<CacheEntry | undefined>;
  /**
   * Replaces what was there.
   * @param lease with it the entry is kept only while the lease is held, and the lease is over with it: one step, so
   * that no other holder comes between. Setting the same entry again, because a reply was lost, is "stored" while it is
   * there
   */
  set(key: string, entry: CacheEntry, lease?: Lease): Soon<SetResult>;
  /** Other forms of an entry that `get` gave, kept for as long as it is. In memory only. */
  forms?(key: string, entry: CacheEntry): KeptForms;
};
