import { languageOf } from '../kit/best-language.ts';
import type { Clock } from '../kit/clock.ts';
import { reasons as coreReasons } from '../kit/reasons.ts';
import type { Soon } from '../kit/soon.ts';
import type { Reasons } from '../kit/status-error.ts';
import type { CacheStore } from '../ports/cache-store.ts';
import type { AnswerStream } from '../ports/cached-stream.ts';
import type { Answer, Handler, ReadyCall } from '../ports/call.ts';
import type { Invalidate, InvalidateWritten, OnInvalidated } from '../ports/invalidate.ts';
import type { Leases } from '../ports/leases.ts';
import type { TagVersions } from '../ports/tag-versions.ts';
import type { CacheCounts } from './cache-metrics.ts';
import { methodsBy } from './cached-method.ts';
import { computeBy } from './compute-and-store.ts';
import type { Computed } from './computed-answer.ts';
import { type Flights, flights as noFlights } from './flight/flight.ts';
import { joinPartsOf } from './flight/join-then-verify.ts';
import { otherReplicas } from './flight/lease-across-replicas.ts';
import { openPartials } from './flight/partial-answers.ts';
import { openBackoffs, revalidateBy } from './flight/revalidate.ts';
import { invalidationBy, openTagEvents } from './invalidation/invalidate-tags.ts';
import { pendingInvalidations } from './invalidation/pending-invalidations.ts';
import { verifyBy } from './invalidation/verify-tags.ts';
import { serveBy } from './serve.ts';
import { serveStreamBy } from './serve-stream.ts';
import { serveWatchedBy } from './serve-watched.ts';
import { staleIfError } from './stale-if-error.ts';
import { openLayers } from './store/l1-and-l2.ts';
import { openShares } from './store/l2-shares.ts';
import { storeOnceMore } from './store/store-once-more.ts';
import { waitBudgets } from './wait-budget.ts';

/** The parts of the cache. */
export type CacheParts = {
  /** L1: in this process. */
  readonly store: CacheStore;
  /** L2: what all replicas share, when there are several. */
  readonly shared?: { readonly store: CacheStore; readonly leases: Leases };
  readonly versions: TagVersions;
  /** Of the store of versions; undefined while it is not known. Unset: there is but one, as long as the process. */
  readonly generation?: () => string | undefined;
  /** Publishes invalidations to the other replicas; no correctness depends on it. Undefined: of all tags. */
  readonly announce?: (tags: readonly string[] | undefined) => void;
  /** The longest life of an answer: how long an unconfirmed invalidation is kept. Whole milliseconds. */
  readonly keepMs?: number;
  /** What one scope may have in L2, by what this replica stores. Bytes. Default: 8 MiB. */
  readonly scopeBytesMax?: number;
  /** How long one call waits for the shared store, in all. Default: 50 ms. */
  readonly waitMs?: number;
  /** Rises while this process has nothing to do: only that counts as waiting. Default: all time does. */
  readonly idleMs?: () => number;
  readonly clock: Clock;
  /** From 0 up to 1: spreads the ends of fresh time. */
  readonly random: () => number;
  readonly counts: CacheCounts;
  /** The locales that screens can speak; the first is the default. */
  readonly locales: readonly [string, ...string[]];
  /** Status by reason, including the company's: decides which failures an old answer may cover. */
  readonly reasons?: Reasons;
  readonly flights?: Flights<Computed>;
};

/** Stored answers of cached methods. */
export type Cache = {
  /**
   * Answers a call of a cached method: from what is stored, from a computation going on, or by `compute`, which is
   * given only what the key has.
   */
  answer(call: ReadyCall, compute: Handler): Soon<Answer>;
  /** The same for the stream form of a cached method. */
  answerStream: AnswerStream;
  /** The same for a watch: never an old answer, with `watched` beside it. */
  answerWatched(call: ReadyCall, compute: Handler): Soon<Answer>;
  invalidate: Invalidate;
  invalidateWritten: InvalidateWritten;
  /** Receives an invalidation that another replica announced; undefined: some may have been lost. */
  announced(tags: readonly string[] | undefined): void;
  /** Events of invalidated tags, for watches. */
  onInvalidated: OnInvalidated;
  /** Stops retrying pending invalidations. */
  close(): void;
};

/** A cache over its parts. All its methods must be given calls of plans with `cache`. */
export function openCache(parts: CacheParts): Cache {
  const { versions, clock, random, counts, keepMs = 86_400_000, generation = () => '', reasons = coreReasons, scopeBytesMax } = parts;
  const flights = parts.flights ?? noFlights<Computed>();
  const openBudget = waitBudgets(parts);
  const events = openTagEvents();
  const publish = (tags: readonly string[] | undefined) => {
    events.publish(tags);
    parts.announce?.(tags);
  };
  const pending = pendingInvalidations({ versions, clock, counts, keepMs, onSent: publish });
  const verify = verifyBy(versions, generation, pending.has);
  const l2 = parts.shared?.store;
  const replicas = parts.shared && otherReplicas({ leases: parts.shared.leases, clock });
  const layers = openLayers({ l1: parts.store, l2, verify, clock });
  const partials = openPartials(clock);
  const shares = openShares({ clock, ...(scopeBytesMax !== undefined && { bytesMax: scopeBytesMax }) });
  const begin = computeBy({
    layers,
    l2,
    replicas,
    shares,
    onceMore: storeOnceMore(clock),
    versions,
    generation,
    flights,
    partials,
    clock,
    random,
    counts,
  });
  const backoffs = openBackoffs(clock);
  const serving = {
    layers,
    flights,
    partials,
    joining: joinPartsOf({ flights, verify, versions, generation, pending, reasons }),
    begin,
    revalidate: revalidateBy({ begin, flights, backoffs, openBudget }),
    backoffs,
    stale: staleIfError({ layers, clock, reasons }),
    openBudget,
    methodOf: methodsBy(languageOf(parts.locales, parts.locales[0])),
    clock,
    counts,
  };
  return {
    answer: serveBy(serving),
    answerStream: serveStreamBy(serving),
    answerWatched: serveWatchedBy({ ...serving, verify }),
    ...invalidationBy({ versions, seal: flights.seal, publish, pending }),
    announced: (tags) => {
      if (tags !== undefined) flights.seal(tags);
      events.publish(tags);
    },
    onInvalidated: events.onInvalidated,
    close: pending.close,
  };
}
