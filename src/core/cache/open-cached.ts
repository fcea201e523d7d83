import type { OpenCached } from '../ports/cached-stream.ts';
import { beginComputation, wholeOf } from './computation.ts';
import { decodedOf } from './inputs.ts';
import type { Inside } from './inside.ts';
import { answerOf, note, replyEntry } from './reply.ts';
import { type StaleIfError, servedAs } from './stale.ts';

/**
 * The entry of a unary method for its stream form. It joins no flight, because it sends parts as they come, and nobody waits for it: it may go as slowly as its phone reads. So it
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
    const begunAtMs = clock.nowMs();
    const computation = key && (await beginComputation(inside, { method, call, key, patience }));
    const offer = async (answer: Parameters<typeof wholeOf>[1]) => {
      if (computation === undefined) return answerOf(wholeOf(method, answer));
      const { stamp, finish } = computation;
      const lease = stamp && shared && (await shared.leaseToStore(key?.key ?? '', stamp, begunAtMs, patience));
      const computed = await finish(answer, lease);
      if (lease !== undefined && computed.freshUntilMs === undefined) shared?.release(lease);
      return answerOf(computed);
    };
    return {
      hit: undefined,
      stale: reply,
      call: { ...call, ...method.inputsOf(call), ...(key && { request: decodedOf(call).canonical }) },
      offer,
      rescue: async (error) => {
        const covers = await stale.rescue(method, call, remembered?.entry, error, patience);
        return covers && replyEntry(method, call, counts, covers, 'stale', clock.nowMs());
      },
    };
  };
}
