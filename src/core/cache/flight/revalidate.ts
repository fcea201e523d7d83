import type { Clock } from '../../kit/clock.ts';
import { openFairPlaces } from '../../kit/concurrency-by-key.ts';
import { never } from '../../kit/ending.ts';
import { openScopedMap, type ScopedKey } from '../../kit/scoped-map.ts';
import { soonThen } from '../../kit/soon.ts';
import type { ComputeSoFar } from '../../ports/cached-stream.ts';
import type { ReadyCall } from '../../ports/call.ts';
import type { CachedMethod } from '../cached-method.ts';
import type { Begin } from '../compute-and-store.ts';
import { type Computed, wasStored } from '../computed-answer.ts';
import type { Key } from '../key/key.ts';
import type { OpenWaitBudget } from '../wait-budget.ts';
import type { Flights } from './flight.ts';

/** The largest number of concurrent computations behind old answers. Beyond it old answers are served without one. */
const backgroundMax = 100;

/**
 * Computes anew behind an old answer (stale-while-revalidate), unless that is being done already, came to nothing a
 * moment ago, or too much of it is being done.
 */
export type Revalidate = (method: CachedMethod, call: ReadyCall, key: Key, compute: ComputeSoFar) => void;

export function revalidateBy({
  begin,
  flights,
  backoffs,
  openBudget,
}: {
  readonly begin: Begin;
  readonly flights: Flights<Computed>;
  readonly backoffs: Backoffs;
  readonly openBudget: OpenWaitBudget;
}): Revalidate {
  const takePlace = openFairPlaces(backgroundMax);
  return (method, call, key, compute) => {
    if (flights.find(key.key) !== undefined || !backoffs.mayTry(key.key)) return;
    const giveBack = takePlace(key.scope);
    if (giveBack === undefined) return;
    const flight = begin({ method, call, key, budget: openBudget() }, compute);
    const over = (stored: boolean) => {
      giveBack();
      backoffs.tried(key, stored);
    };
    void flight.join(never).then((outcome) => soonThen('value' in outcome && wasStored(outcome.value), over));
  };
}

/** The wait after a computation behind an old answer has failed; it doubles with each failure. Milliseconds. */
const [firstMs, longestMs] = [1_000, 30_000];
/**
 * The largest number of keys, of which one scope has a share. Beyond it the oldest is dropped, and may be tried again
 * at once. A key takes about 500 bytes.
 */
const keysMax = 10_000;

/** Asks a failing upstream for an answer at growing intervals instead of once for each call that gets the old one. */
export type Backoffs = {
  mayTry(key: string): boolean;
  /** @param done whether a new answer is there */
  tried(key: ScopedKey, done: boolean): void;
};

export function openBackoffs(clock: Clock): Backoffs {
  const waits = openScopedMap<{ readonly waitMs: number; readonly untilMs: number }>(keysMax);
  return {
    mayTry: (key) => (waits.get(key)?.untilMs ?? 0) <= clock.monotonicMs(),
    tried: (key, done) => {
      if (done) return waits.delete(key.key);
      const before = waits.get(key.key);
      const nowMs = clock.monotonicMs();
      const again = before !== undefined && nowMs < before.untilMs + longestMs; // else it is another failure than that one
      const waitMs = again ? Math.min(longestMs, before.waitMs * 2) : firstMs;
      waits.set(key, { waitMs, untilMs: nowMs + waitMs });
    },
  };
}
