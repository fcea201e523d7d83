import { soonThen } from '../kit/soon.ts';
import { unaryDeadlineMs } from '../policy/compile-plans.ts';
import type { CacheEntry } from '../ports/cache-store.ts';
import type { Handler, ReadyCall } from '../ports/call.ts';
import { beginComputation, type Computed, type Wanted } from './computation.ts';
import { beginFlight, type Flight } from './flight.ts';
import { decodedOf } from './inputs.ts';
import type { Inside } from './inside.ts';
import type { Key } from './key.ts';
import type { CachedMethod } from './method.ts';
import { gone, type Patience } from './patience.ts';
import { servedAs } from './stale.ts';

export type Fly = {
  /**
   * Begins the flight that computes an answer, or takes the one that another replica is computing.
   * @param joinable false for one that repeats what another caller's computation met
   */
  begin(wanted: Wanted, compute: Handler, joinable?: boolean): Flight<Computed>;
  /** Computes anew behind an old answer, unless that is being done already or too much of it. */
  revalidate(method: CachedMethod, call: ReadyCall, key: Key, compute: Handler): void;
};

/** Most recomputations that nobody waits for, at once. Over it old answers are served without one. */
const backgroundMax = 100;

export function flyBy(inside: Inside): Fly {
  const { memory, shared, flights, clock, havePatience } = inside;
  let inBackground = 0;

  /** What another replica has stored by now, if it is as good as computed now; `gone` when nobody can tell. */
  const another = (method: CachedMethod, key: Key) => (patience: Patience) =>
    soonThen(memory.findShared(key.key, patience), (found) => {
      if (found === gone || found?.judgement === 'unknown') return gone;
      return found !== undefined && servedAs(method, found, clock.nowMs()) === 'fresh' ? found.entry : undefined;
    });

  const begin: Fly['begin'] = (wanted, compute, joinable = true) => {
    const { method, call, key, patience } = wanted;
    const deadlineMs = method.plan.deadlineMs ?? unaryDeadlineMs;
    const deadlineAtMs = clock.nowMs() + deadlineMs;
    const leftMs = Math.min(deadlineMs, (call.deadlineAtMs ?? deadlineAtMs) - clock.nowMs());
    const decoded = decodedOf(call);
    const seen = {
      plan: call.plan,
      trace: call.trace,
      decoded,
      request: call.request,
      requestBytes: decoded.canonical,
      deadlineAtMs,
      ...method.inputsOf(call),
    };
    const run = async (flight: Flight<Computed>): Promise<Computed> => {
      const { signal, over } = flight;
      const { stamp, settling, finish } = await beginComputation(inside, wanted);
      flight.stamp = stamp;
      const askOthers = shared !== undefined && stamp !== undefined && !settling;
      const { lease, found } = askOthers
        ? await shared.leaseOrAnswer(key.key, { stamp, deadlineMs, leftMs, signal, patience, usable: another(method, key) })
        : {};
      if (found !== undefined) return computedElsewhere(found);
      let stored = false;
      // also when nobody waits any more and the computation does not heed its signal
      if (lease !== undefined) void over.then(() => !stored && shared?.release(lease));
      signal.throwIfAborted();
      const answer = await compute({ ...seen, signal, onEnd: (callback) => void over.then(callback) });
      const computed = await finish(answer, lease, (tags) => {
        flight.tags = tags;
      });
      stored = computed.freshUntilMs !== undefined;
      return computed;
    };
    const flight = beginFlight(run, { deadlineMs, clock, begunAt: flights.count() });
    if (joinable) flights.open(key.key, flight);
    return flight;
  };

  return {
    begin,
    revalidate: (method, call, key, compute) => {
      if (inBackground >= backgroundMax || flights.find(key.key) !== undefined) return;
      const flight = begin({ method, call, key, patience: havePatience() }, compute);
      flight.keep();
      inBackground++;
      void flight.over.then(() => inBackground--);
    },
  };
}

function computedElsewhere(entry: CacheEntry): Computed {
  return { ...entry, stamp: entry, elsewhere: true };
}
