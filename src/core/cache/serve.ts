import type { Clock } from '../kit/clock.ts';
import { type Soon, soonThen } from '../kit/soon.ts';
import type { CacheEntry } from '../ports/cache-store.ts';
import type { Answer, Handler, ReadyCall } from '../ports/call.ts';
import { untilLate } from './answer-before-deadline.ts';
import type { CacheCounts } from './cache-metrics.ts';
import type { CachedMethod, MethodOf } from './cached-method.ts';
import type { Begin } from './compute-and-store.ts';
import type { Computed } from './computed-answer.ts';
import type { Flight, Flights } from './flight/flight.ts';
import { type Joined, type JoinParts, joinThenVerify } from './flight/join-then-verify.ts';
import type { Partials } from './flight/partial-answers.ts';
import type { Backoffs, Revalidate } from './flight/revalidate.ts';
import { freshnessOf } from './freshness.ts';
import type { Key } from './key/key.ts';
import { note, replyEntry, replyOf, wholeOf } from './reply-metadata.ts';
import type { StaleIfError } from './stale-if-error.ts';
import type { Layers } from './store/l1-and-l2.ts';
import type { OpenWaitBudget, WaitBudget } from './wait-budget.ts';

export type ServeParts = {
  readonly layers: Layers;
  readonly flights: Flights<Computed>;
  readonly partials: Partials;
  readonly joining: JoinParts;
  readonly begin: Begin;
  readonly revalidate: Revalidate;
  readonly backoffs: Backoffs;
  readonly stale: StaleIfError;
  readonly openBudget: OpenWaitBudget;
  readonly methodOf: MethodOf;
  readonly clock: Clock;
  readonly counts: CacheCounts;
};

/** What is known of a call when nothing stored could answer it. */
type Missed = {
  readonly method: CachedMethod;
  readonly key: Key;
  /** On the flights' count of events. */
  readonly arrivedAt: number;
  readonly budget: WaitBudget;
  /** An answer that is too old to be served, except in place of an error or of one with parts missing. */
  readonly old: CacheEntry | undefined;
};

/** Answers a call of a cached method: from L1 or L2, else from a flight, else, after an error, by an old answer. */
export function serveBy(parts: ServeParts): (call: ReadyCall, compute: Handler) => Soon<Answer> {
  const { layers, flights, partials, joining, begin, revalidate, stale, openBudget, methodOf, clock, counts } = parts;

  /** A call that has no key: neither stored nor joined. */
  const answerAlone = async (method: CachedMethod, call: ReadyCall, compute: Handler): Promise<Answer> => {
    try {
      const whole = wholeOf(method, await compute({ ...call, ...method.inputsOf(call) }));
      return replyOf({ method, call, counts }, whole, { result: 'refused', freshForMs: undefined });
    } catch (error) {
      note(call, counts, 'refused');
      throw error;
    }
  };

  const replyJoined = (method: CachedMethod, call: ReadyCall, { computed, own, verified }: Joined): Answer => {
    const nowMs = clock.nowMs();
    if (!verified)
      return replyOf({ method, call, counts }, computed, { result: 'stale', freshForMs: undefined, ageMs: nowMs - computed.computedAtMs });
    const freshForMs = computed.freshUntilMs === undefined ? undefined : computed.freshUntilMs - nowMs;
    return replyOf({ method, call, counts }, computed, { result: own && computed.elsewhere !== true ? 'miss' : 'coalesced', freshForMs });
  };

  const answerComputed = async (call: ReadyCall, compute: Handler, { method, key, arrivedAt, budget, old }: Missed): Promise<Answer> => {
    let own = false;
    /** As long as the call may; where an old answer could help, only until there is still time to send that. */
    const wait = (flight: Flight<Computed>) => {
      const outcome = flight.join(call.signal);
      return stale.mayHelp(method, old) ? untilLate(call, clock, outcome, flight.keep) : outcome; // kept, so that the next call finds a new answer
    };
    const beginOwn = () => {
      own = true;
      return begin({ method, call, key, budget }, compute);
    };
    const computed = async (): Promise<Joined> => {
      const partial = partials.find(key.key);
      if (partial !== undefined && (await joining.isCurrent(partial, budget))) return { computed: partial, own: false, verified: true };
      return joinThenVerify(joining, { key: key.key, arrivedAt, budget, signal: call.signal, begin: beginOwn, wait });
    };
    try {
      const joined = await computed();
      const whole = joined.computed.partial === true ? await stale.insteadOfPartial({ method, call, entry: old, budget }) : undefined;
      if (whole !== undefined) return replyEntry({ method, call, counts }, whole, 'stale', clock.nowMs());
      return replyJoined(method, call, joined);
    } catch (error) {
      const covers = await stale.rescue({ method, call, entry: old, budget }, error);
      if (covers !== undefined) return replyEntry({ method, call, counts }, covers, 'stale', clock.nowMs());
      note(call, counts, own ? 'miss' : 'coalesced');
      throw error;
    }
  };

  return (call, compute) => {
    const arrivedAt = flights.count();
    const method = methodOf(call.plan);
    const key = method.keyOf(call);
    if (key === undefined) return answerAlone(method, call, compute);
    const budget = openBudget();
    return soonThen(layers.find(key.key, budget), (found) => {
      const nowMs = clock.nowMs();
      const how = found && freshnessOf(method, found, nowMs);
      if (found === undefined || how === undefined) return answerComputed(call, compute, { method, key, arrivedAt, budget, old: found?.entry });
      if (how === 'stale, recompute') revalidate(method, call, key, compute);
      const reply = replyEntry({ method, call, counts }, found.entry, how === 'fresh' ? 'hit' : 'stale', nowMs);
      if (reply.body !== found.entry.body) return reply; // a client that has the answer gets an empty message
      const forms = layers.forms(key.key, found.entry);
      return forms === undefined ? reply : { ...reply, forms };
    });
  };
}
