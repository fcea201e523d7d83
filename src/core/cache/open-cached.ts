import { soonThen } from '../kit/soon.ts';
import type { OpenCached } from '../ports/cached-stream.ts';
import { beginComputation, wholeOf } from './computation.ts';
import { decodedOf } from './inputs.ts';
import type { Inside } from './inside.ts';
import type { CachedMethod } from './method.ts';
import { gone, type Patience } from './patience.ts';
import { answerOf, note, replyEntry } from './reply.ts';
import { type StaleIfError, servedAs } from './stale.ts';

/** A newer answer that was stored and is over leaves no trace: who took longer than one lives cannot tell whether there was one, and stores nothing. */
const shortestLifeMs = ({ cache }: CachedMethod) => 0.9 * cache.ttlMs + Math.max(cache.staleWhileRevalidateMs, cache.staleIfErrorMs);

/**
 * The entry of a unary method for its stream form. It joins no flight, because it sends parts as they come, and nobody waits for it: it may go as slowly as its client reads. So it
 * holds no lease while it computes; it takes one for a moment when it has the whole answer.
 */
export function openCachedFrom(inside: Inside, stale: StaleIfError): OpenCached {
  const { memory, shared, havePatience, clock, counts, methodOf } = inside;
  return async (plan, call) => {
    const method = methodOf(plan);
    const key = method.keyOf(call);
    const patience = havePatience();
    const remembered = key && (await memory.find(key.key, patience));
    const how = remembered && servedAs(method, remembered, clock.nowMs());
    const reply = remembered && how && replyEntry(method, call, counts, remembered.entry, how === 'fresh' ? 'hit' : 'stale', clock.nowMs());
    // an old answer of which nobody can tell whether it still holds is sent, and followed by a new one
    if (reply !== undefined && how === 'fresh') return { hit: reply };
    if (reply === undefined) note(call, counts, key === undefined ? 'refused' : 'miss');
    const begunAtMs = clock.monotonicMs();
    const computation = key && (await beginComputation(inside, { method, call, key, patience }));
    const offer = async (answer: Parameters<typeof wholeOf>[1]) => {
      if (computation === undefined || key === undefined) return answerOf(wholeOf(method, answer));
      const { stamp, startedAt, finish } = computation;
      const newer = (patience: Patience) =>
        soonThen(memory.findShared(key.key, patience), (found) => {
          if (found === undefined || found === gone) return found ?? false;
          return found.entry.startedAt > startedAt || servedAs(method, found, clock.nowMs()) === 'fresh';
        });
      const inTime = clock.monotonicMs() - begunAtMs < shortestLifeMs(method);
      const lease = stamp && shared && inTime ? await shared.leaseToStore(key.key, stamp, newer, patience) : undefined;
      const computed = await finish(answer, lease);
      if (lease !== undefined && computed.freshUntilMs === undefined) shared?.release(lease);
      return answerOf(computed);
    };
    return {
      hit: undefined,
      stale: reply,
      call: { ...call, ...method.inputsOf(call), ...(key && { requestBytes: decodedOf(call).canonical }) },
      offer,
      rescue: async (error) => {
        const covers = await stale.rescue(method, call, remembered?.entry, error, patience);
        return covers && replyEntry(method, call, counts, covers, 'stale', clock.nowMs());
      },
    };
  };
}
