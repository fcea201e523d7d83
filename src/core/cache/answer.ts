import { type Soon, soonThen } from '../kit/soon.ts';
import { statusOf } from '../kit/status-of.ts';
import type { CacheEntry } from '../ports/cache-store.ts';
import type { Answer, Handler, ReadyCall } from '../ports/call.ts';
import { wholeOf } from './computation.ts';
import type { Flight } from './flight.ts';
import type { Fly } from './fly.ts';
import type { Inside } from './inside.ts';
import { type Joined, joinThenVerify } from './join.ts';
import type { Key } from './key.ts';
import type { CachedMethod } from './method.ts';
import type { Patience } from './patience.ts';
import { note, replyEntry, replyOf } from './reply.ts';
import { type StaleIfError, servedAs } from './stale.ts';
import { copyOf, neverShared } from './status.ts';

/** The way of a call of a cached method: remembered, else computed with others, else what an old answer can cover. */
export function answerFrom(inside: Inside, fly: Fly, stale: StaleIfError): (call: ReadyCall, compute: Handler) => Soon<Answer> {
  const { memory, flights, judge, havePatience, clock, counts, reasons, methodOf } = inside;

  /** A call that has no key: neither remembered nor joined. */
  const answerAlone = async (method: CachedMethod, call: ReadyCall, compute: Handler): Promise<Answer> => {
    try {
      const whole = wholeOf(method, await compute({ ...call, ...method.inputsOf(call) }));
      return replyOf(method, call, counts, whole, { result: 'refused', freshForMs: undefined });
    } catch (error) {
      note(call, counts, 'refused');
      throw error;
    }
  };

  const replyJoined = (method: CachedMethod, call: ReadyCall, { computed, own, verified }: Joined): Answer => {
    const nowMs = clock.nowMs();
    if (!verified) return replyOf(method, call, counts, computed, { result: 'stale', freshForMs: undefined, ageMs: nowMs - computed.computedAtMs });
    const freshForMs = computed.freshUntilMs === undefined ? undefined : computed.freshUntilMs - nowMs;
    return replyOf(method, call, counts, computed, { result: own && computed.elsewhere !== true ? 'miss' : 'coalesced', freshForMs });
  };

  const answerComputed = async (
    method: CachedMethod,
    call: ReadyCall,
    key: Key,
    compute: Handler,
    { arrivedAt, patience, old }: { readonly arrivedAt: number; readonly patience: Patience; readonly old: CacheEntry | undefined },
  ): Promise<Answer> => {
    let own = false;
    const begin = () => {
      own = true;
      return fly.begin({ method, call, key, patience }, compute);
    };
    /** As long as the call may; where an old answer could help, only until there is still time to send that. */
    const wait = async (flight: Flight<Joined['computed']>) => {
      const isOwn = own;
      try {
        const waited = flight.join(call.signal);
        return await (stale.mayHelp(method, old) ? stale.untilLate(call, waited, flight.keep) : waited); // kept, so that the next call finds a new answer
      } catch (error) {
        if (isOwn || call.signal.aborted) throw error;
        if (!neverShared.has(statusOf(error, reasons))) throw copyOf(error);
        return fly.begin({ method, call, key, patience }, compute, false).join(call.signal);
      }
    };
    try {
      call.signal.throwIfAborted();
      return replyJoined(method, call, await joinThenVerify(flights, judge, { key: key.key, arrivedAt, patience, begin, wait }));
    } catch (error) {
      const covers = await stale.rescue(method, call, old, error, patience);
      if (covers !== undefined) return replyEntry(method, call, counts, covers, 'stale', clock.nowMs());
      note(call, counts, own ? 'miss' : 'coalesced');
      throw error;
    }
  };

  return (call, compute) => {
    const arrivedAt = flights.count();
    const method = methodOf(call.plan);
    const key = method.keyOf(call);
    if (key === undefined) return answerAlone(method, call, compute);
    const patience = havePatience();
    return soonThen(memory.find(key.key, patience), (remembered) => {
      const nowMs = clock.nowMs();
      const how = remembered && servedAs(method, remembered, nowMs);
      if (remembered === undefined || how === undefined)
        return answerComputed(method, call, key, compute, { arrivedAt, patience, old: remembered?.entry });
      if (how === 'stale, recompute') fly.revalidate(method, call, key, compute);
      const { entry } = remembered;
      const reply = replyEntry(method, call, counts, entry, how === 'fresh' ? 'hit' : 'stale', nowMs);
      if (call.protocol === 'grpc' || reply.body !== entry.body) return reply; // gRPC sends the bytes as they are
      const forms = memory.forms(key.key, entry);
      return forms === undefined ? reply : { ...reply, forms };
    });
  };
}
