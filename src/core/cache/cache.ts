import type { Clock } from '../kit/clock.ts';
import { reasons as coreReasons } from '../kit/fault.ts';
import type { Soon } from '../kit/soon.ts';
import type { Reasons } from '../kit/status-of.ts';
import type { CacheStore } from '../ports/cache-store.ts';
import type { OpenCached } from '../ports/cached-stream.ts';
import type { Answer, Handler, ReadyCall } from '../ports/call.ts';
import type { Invalidate, InvalidateWritten } from '../ports/invalidate.ts';
import type { Leases } from '../ports/leases.ts';
import type { TagVersions } from '../ports/tag-versions.ts';
import { answerFrom } from './answer.ts';
import type { Computed } from './computation.ts';
import type { CacheCounts } from './counts.ts';
import { type Flights, flights as noFlights } from './flights.ts';
import { flyBy } from './fly.ts';
import type { Inside } from './inside.ts';
import { invalidationBy } from './invalidation.ts';
import { judgeBy } from './judge.ts';
import { languageOf } from './language.ts';
import { methodsBy } from './method.ts';
import { openCachedFrom } from './open-cached.ts';
import { havePatience as patienceOf } from './patience.ts';
import { pendingInvalidations } from './pending.ts';
import { openMemory } from './remembered.ts';
import { openShared } from './shared.ts';
import { staleIfError } from './stale.ts';

/** What the cache is made of. */
export type CacheParts = {
  /** In this process. */
  readonly store: CacheStore;
  /** What all replicas share, when there are several. */
  readonly shared?: { readonly store: CacheStore; readonly leases: Leases };
  readonly versions: TagVersions;
  /** Of the store of versions; undefined while it is not known. Unset: there is but one, as long as the process. */
  readonly generation?: () => string | undefined;
  /** Tells the other replicas what was invalidated; nothing depends on its getting there. */
  readonly announce?: (tags: readonly string[]) => void;
  /** The longest life of an answer: how long an invalidation that could not be told is kept. Whole milliseconds. */
  readonly keepMs?: number;
  /** How long one call waits for the shared store, in all. Default: 50 ms. */
  readonly patienceMs?: number;
  /** Rises while this process has nothing to do: only that counts as waiting. Default: all time does. */
  readonly idleMs?: () => number;
  readonly clock: Clock;
  /** From 0 up to 1: spreads the ends of fresh time. */
  readonly random: () => number;
  readonly counts: CacheCounts;
  /** The locales that screens can speak; the first is the default. */
  readonly locales: readonly [string, ...string[]];
  /** Status by reason, a team's included: tells which failures an old answer may cover. */
  readonly reasons?: Reasons;
  readonly flights?: Flights<Computed>;
};

/** Remembered answers of cached methods. */
export type Cache = {
  /** Answers a call of a cached method: from what is remembered, from a computation going on, or by `compute`, which is given only what the key has. */
  answer(call: ReadyCall, compute: Handler): Soon<Answer>;
  /** Of a stream form: reads the entry of the unary method, or begins a computation that may fill it. */
  open: OpenCached;
  invalidate: Invalidate;
  invalidateWritten: InvalidateWritten;
  /** What another replica announced. */
  announced(tags: readonly string[]): void;
  /** Stops telling the shared store what it could not be told. */
  close(): void;
};

/** A cache over its parts. All its methods must be given calls of plans with `cache`. */
export function openCache(parts: CacheParts): Cache {
  const { versions, clock, random, counts, keepMs = 86_400_000, generation = () => '', reasons = coreReasons } = parts;
  const flights = parts.flights ?? noFlights<Computed>();
  const havePatience = patienceOf(parts);
  const announce = parts.announce ?? (() => {});
  const pending = pendingInvalidations({ versions, clock, counts, keepMs, onTold: announce });
  const judge = judgeBy(versions, generation, pending.has);
  const shared = parts.shared && openShared({ ...parts.shared, generation, clock });
  const memory = openMemory({ store: parts.store, shared, judge, clock });
  const methodOf = methodsBy(languageOf(parts.locales));
  const inside: Inside = { memory, shared, versions, generation, havePatience, clock, random, counts, judge, flights, reasons, methodOf };
  const stale = staleIfError(inside);
  return {
    answer: answerFrom(inside, flyBy(inside), stale),
    open: openCachedFrom(inside, stale),
    ...invalidationBy({ versions, seal: flights.seal, announce, pending }),
    announced: flights.seal,
    close: pending.close,
  };
}
