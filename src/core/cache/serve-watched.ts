import { Fault } from '../kit/fault.ts';
import { soonThen } from '../kit/soon.ts';
import type { Answer, Handler, ReadyCall } from '../ports/call.ts';
import type { Computed } from './computed-answer.ts';
import { joinThenVerify } from './flight/join-then-verify.ts';
import { freshnessOf } from './freshness.ts';
import type { Verify } from './invalidation/verify-tags.ts';
import { answerOf, note, type Whole } from './reply-metadata.ts';
import type { ServeParts } from './serve.ts';

type Found = Pick<Computed, 'snapshot' | 'freshUntilMs'> & { readonly verified: boolean };

/**
 * The answer of a cached method for a watch: a fresh one that is stored, else that of the flight that all calls share.
 * It is never an old one, and it says what it depends on.
 */
export function serveWatchedBy(parts: ServeParts & { readonly verify: Verify }): (call: ReadyCall, compute: Handler) => Promise<Answer> {
  const { layers, flights, joining, begin, openBudget, methodOf, clock, counts, verify } = parts;
  const replyTo = (key: string, whole: Whole, { snapshot: kept, verified, freshUntilMs }: Found): Answer => {
    const snapshot = typeof kept === 'object' ? kept : undefined;
    const watched = {
      key,
      etag: whole.etag,
      tags: snapshot?.tags,
      verified,
      sequence: flights.count(),
      freshForMs: !verified || freshUntilMs === undefined ? undefined : freshUntilMs - clock.nowMs(),
      isCurrent: () =>
        snapshot !== undefined && soonThen(verify(snapshot, openBudget()), (verdict) => verdict === 'current' || verdict === 'unknown'),
    };
    return { ...answerOf(whole), watched };
  };

  return async (call, compute) => {
    const arrivedAt = flights.count();
    const method = methodOf(call.plan);
    const key = method.keyOf(call)?.key;
    if (key === undefined)
      throw new Fault('METHOD_NOT_WATCHABLE', 'The request has unknown fields, or its metadata is too long: it cannot be watched.');
    const found = await layers.find(key, openBudget());
    if (found !== undefined && freshnessOf(method, found, clock.nowMs()) === 'fresh') {
      note(call, counts, 'hit');
      return replyTo(key, found.entry, { snapshot: found.entry, verified: true, freshUntilMs: found.entry.freshUntilMs });
    }
    const budget = openBudget(); // another one: no client waits for this answer as it does for that of a call
    const joined = await joinThenVerify(joining, {
      key,
      arrivedAt,
      budget,
      signal: call.signal,
      begin: () => begin({ method, call, key: method.keyOf(call), budget }, compute),
      wait: (flight) => flight.join(call.signal),
    });
    const computed = await (joined.computed.late ?? joined.computed);
    note(call, counts, joined.own && computed.elsewhere !== true ? 'miss' : 'coalesced');
    const isOld = computed.snapshot === 'invalidated';
    return replyTo(key, computed, { ...computed, verified: joined.verified && !isOld && computed.snapshot !== undefined });
  };
}
