import { memoryCacheStore } from '../../src/core/adapters/memory/cache-store.ts';
import type { CacheCounts } from '../../src/core/cache/cache-metrics.ts';
import type { Computed } from '../../src/core/cache/computed-answer.ts';
import { type Flight, type Flights, flights, type Outcome } from '../../src/core/cache/flight/flight.ts';
import { openCache } from '../../src/core/cache/open-cache.ts';
import type { Clock } from '../../src/core/kit/clock.ts';
import type { CacheStore } from '../../src/core/ports/cache-store.ts';
import type { Leases } from '../../src/core/ports/leases.ts';
import type { TagVersions } from '../../src/core/ports/tag-versions.ts';
import { testCounts } from '../support/cache/counts.ts';
import { type Step, slowLeases, slowStore, slowVersions } from './slow.ts';

/** What a safeguard is taken out of. */
export type ReplicaParts = {
  readonly versions: TagVersions;
  readonly flights: Flights<Computed>;
  /** Unset: one process, that shares with nobody. */
  readonly shared?: { readonly store: CacheStore; readonly leases: Leases };
};

/** One replica's cache, every port delayed at each step. */
export function openReplica(
  parts: Omit<ReplicaParts, 'flights'>,
  options: {
    readonly clock: Clock;
    readonly random: () => number;
    readonly step: Step;
    readonly generation?: () => string | undefined;
    readonly without?: (parts: ReplicaParts) => Partial<ReplicaParts>;
    readonly counts?: CacheCounts;
  },
) {
  const { clock, random, step, generation, without = () => ({}), counts = testCounts() } = options;
  const whole: ReplicaParts = { ...parts, flights: flights() };
  const { versions, flights: own, shared } = { ...whole, ...without(whole) };
  return openCache({
    store: slowStore(memoryCacheStore({ bytesMax: 10_000_000 }), step),
    versions: slowVersions(versions, step),
    ...(shared && { shared: { store: slowStore(shared.store, step), leases: slowLeases(shared.leases, step) } }),
    ...(generation && { generation }),
    flights: own,
    clock,
    random,
    counts,
    locales: ['en'],
    waitMs: 60_000, // the delays here are no outage
  });
}

/** A cache that does not ask how versions stand. */
export const withoutVersionCheck = ({ versions }: ReplicaParts): Partial<ReplicaParts> => ({ versions: { ...versions, standing: () => 'current' } });

/** A cache whose invalidations do not close flights at once. */
export const withoutPromptSeals = ({ flights }: ReplicaParts): Partial<ReplicaParts> => ({ flights: { ...flights, seal: () => {} } });

/** A cache that joins whatever is on its way and is not closed, and asks nothing afterwards. */
export const withoutVerifying = ({ flights }: ReplicaParts): Partial<ReplicaParts> => ({
  flights: {
    ...flights,
    find: (key) => {
      const flight = flights.find(key);
      return flight && { ...flight, begunAt: Number.POSITIVE_INFINITY };
    },
  },
});

/** A cache that joins whatever is on its way. */
export const withoutSealing = (parts: ReplicaParts): Partial<ReplicaParts> => withoutVerifying({ ...parts, ...withoutPromptSeals(parts) });

/** A cache that gives errors of older flights to whoever joined, and answers with too many tags. */
export const withoutErrorsRule = ({ versions }: ReplicaParts): Partial<ReplicaParts> => ({ versions: { ...versions, raisedSince: () => false } });

/** A cache that takes an answer with too many tags for one with the tags of its policy. */
export const withoutIncompleteTagsRule = ({ flights }: ReplicaParts): Partial<ReplicaParts> => ({
  flights: {
    ...flights,
    find: (key) => {
      const flight = flights.find(key);
      return flight && { ...flight, join: async (signal) => asIfComplete(flight, await flight.join(signal)) };
    },
  },
});

function asIfComplete({ start }: Flight<Computed>, outcome: Outcome<Computed>): Outcome<Computed> {
  if ('error' in outcome || outcome.value.snapshot !== 'incomplete' || start === undefined) return outcome;
  return { value: { ...outcome.value, snapshot: start.snapshot } };
}

/** A cache that lets each call compute for itself. */
export const withoutFlights = ({ flights }: ReplicaParts): Partial<ReplicaParts> => ({ flights: { ...flights, find: () => undefined } });

/** Replicas that do not ask who else computes. */
export const withoutLeases = ({ shared }: ReplicaParts): Partial<ReplicaParts> =>
  shared === undefined
    ? {}
    : {
        shared: {
          store: { ...shared.store, set: (key, entry) => shared.store.set(key, entry) },
          leases: { take: (entry, name) => ({ entry, name, token: '' }), held: () => false, release: () => {} },
        },
      };

/** A store that takes whatever comes, however late. */
export const withoutFence = ({ shared }: ReplicaParts): Partial<ReplicaParts> =>
  shared === undefined ? {} : { shared: { ...shared, store: { ...shared.store, set: (key, entry) => shared.store.set(key, entry) } } };

/** Leases that are over long before a stalled computation is. */
export function shortLeases(leases: Leases, ttlMs: number): Leases {
  return { ...leases, take: (entry, name) => leases.take(entry, name, ttlMs) };
}
