import type { Clock } from '../kit/clock.ts';
import type { MethodPlan } from '../kit/method-plan.ts';
import { type Soon, soonThen } from '../kit/soon.ts';
import { StoreDown } from '../kit/store-down.ts';
import { streamComputationMs, unaryDeadlineMs } from '../policy/deadline-policy.ts';
import { isTag, tagsMax } from '../policy/tag-limits.ts';
import type { CacheEntry, CacheStore } from '../ports/cache-store.ts';
import type { ComputeSoFar } from '../ports/cached-stream.ts';
import type { Answer, ReadyCall } from '../ports/call.ts';
import type { Lease } from '../ports/leases.ts';
import type { TagVersions } from '../ports/tag-versions.ts';
import type { CacheCounts, NotStoredReason } from './cache-metrics.ts';
import type { CachedMethod } from './cached-method.ts';
import { type Computed, wasStored } from './computed-answer.ts';
import { beginFlight, type Flight, type Flights } from './flight/flight.ts';
import type { OtherReplicas } from './flight/lease-across-replicas.ts';
import type { Partials } from './flight/partial-answers.ts';
import { freshnessOf, lifeOf } from './freshness.ts';
import type { TagSnapshot } from './invalidation/verify-tags.ts';
import type { Key } from './key/key.ts';
import { tagsOf } from './key/policy-tags.ts';
import { decodedOf } from './key/visible-inputs.ts';
import { wholeOf } from './reply-metadata.ts';
import type { Layers } from './store/l1-and-l2.ts';
import type { Shares } from './store/l2-shares.ts';
import type { OnceMore } from './store/store-once-more.ts';
import { unavailable, type WaitBudget } from './wait-budget.ts';

export type ComputeParts = {
  readonly layers: Layers;
  readonly l2: CacheStore | undefined;
  /** With L2. */
  readonly replicas: OtherReplicas | undefined;
  /** With L2. */
  readonly shares: Shares;
  readonly onceMore: OnceMore;
  readonly versions: TagVersions;
  readonly generation: () => string | undefined;
  readonly flights: Flights<Computed>;
  readonly partials: Partials;
  readonly clock: Clock;
  readonly random: () => number;
  readonly counts: CacheCounts;
};

/** Whose answer is computed, and for how long the call waits for the shared store in all. */
export type Wanted = { readonly method: CachedMethod; readonly call: ReadyCall; readonly key: Key | undefined; readonly budget: WaitBudget };

/**
 * Begins the flight that computes an answer, or takes the one that another replica is computing. In this order: the
 * versions of its tags are read, then the lease is taken, then it is computed, then its tags are held against their
 * versions once more, and only then it is stored.
 */
export type Begin = (wanted: Wanted, compute: ComputeSoFar) => Flight<Computed>;

/**
 * The time of a flight that a call of this plan begins: its policy's, for a stream form that of the stream.
 * Milliseconds.
 */
export function timeOf({ deadlineMs, kind }: MethodPlan): number {
  return deadlineMs ?? (kind === 'unary' ? unaryDeadlineMs : streamComputationMs);
}

export function computeBy(parts: ComputeParts): Begin {
  const { layers, replicas, versions, generation, flights, partials, clock } = parts;

  /**
   * What another replica has stored by now, if it is as current as a new computation; `unavailable` when that cannot be
   * verified.
   */
  const another = (method: CachedMethod, key: Key) => (budget: WaitBudget) =>
    soonThen(layers.findL2(key.key, budget), (found) => {
      if (found === unavailable || found?.verdict === 'unknown') return unavailable;
      return found !== undefined && freshnessOf(method, found, clock.nowMs()) === 'fresh' ? found.entry : undefined;
    });

  return ({ method, call, key, budget }, compute) => {
    const deadlineMs = timeOf(call.plan);
    const deadlineAtMs = clock.nowMs() + deadlineMs;
    const leftMs = Math.min(deadlineMs, (call.deadlineAtMs ?? deadlineAtMs) - clock.nowMs());
    const decoded = decodedOf(call);
    const seen = {
      plan: method.plan,
      trace: call.trace,
      decoded,
      deadlineAtMs,
      request: call.request,
      sent: call.sent,
      requestBytes: key ? decoded.canonical : call.requestBytes,
      ...method.inputsOf(call),
    };
    const { tags, complete } = tagsOf(method, call);

    const run = async (flight: Flight<Computed>): Promise<Computed> => {
      const { signal, over } = flight;
      const computeAlone = () => compute({ ...seen, signal, onEnd: (callback) => void over.then(callback) }, flight.report);
      if (key === undefined)
        return { ...wholeOf(method, await computeAlone()), computedAtMs: clock.nowMs(), freshUntilMs: undefined, snapshot: undefined };
      const current = generation();
      const begun = current === undefined ? unavailable : await budget.wait(versions.begin(tags));
      const start =
        current === undefined || begun === unavailable
          ? undefined
          : {
              at: begun.startedAt,
              settling: begun.settling,
              name: `${current} ${begun.raises}`, // after an invalidation newcomers take another lease
              snapshot: { generation: current, tags, versions: begun.versions },
            };
      flight.start = start;
      const { lease, found, unanswered } =
        replicas !== undefined && start !== undefined && !start.settling
          ? await replicas.leaseOrAnswer(key.key, { name: start.name, deadlineMs, leftMs, signal, budget, usable: another(method, key) })
          : {};
      if (found !== undefined) return { ...found, snapshot: found, elsewhere: true };
      let last: Computed | undefined;
      // also when nobody waits any more and the computation does not heed its signal
      if (lease !== undefined) void over.then(() => soonThen(wasStored(last), (stored) => !stored && replicas?.release(lease)));
      signal.throwIfAborted();
      const answer = await computeAlone();
      const computed = await finish(parts, { method, key, budget, complete, start, lease, unanswered }, answer);
      last = computed;
      if (computed.partial === true && !signal.aborted) partials.keep(key, computed, deadlineMs);
      return computed;
    };
    const flight = beginFlight(run, { deadlineMs, clock, begunAt: flights.count(), tags });
    if (key !== undefined) flights.open(key.key, flight);
    return flight;
  };
}

type Finishing = {
  readonly method: CachedMethod;
  readonly key: Key;
  readonly budget: WaitBudget;
  /** Whether every tag of the policy has a value. */
  readonly complete: boolean;
  /** Undefined when the versions could not be read. */
  readonly start: { readonly at: number; readonly settling: boolean; readonly snapshot: TagSnapshot } | undefined;
  /** Without one nothing is stored where answers are shared. */
  readonly lease: Lease | undefined;
  /** There is none because the shared store did not answer, and not because another has it. */
  readonly unanswered: boolean | undefined;
};

/** Gives the answer its etag, verifies all its tags, and stores it if it may be. */
async function finish(parts: ComputeParts, finishing: Finishing, answer: Answer): Promise<Computed> {
  const { method, key, budget, complete, start, lease, unanswered } = finishing;
  const { l2, layers, versions, shares, clock, counts } = parts;
  const whole = { ...wholeOf(method, answer), computedAtMs: clock.nowMs() };
  const notStored = (reason: NotStoredReason, snapshot: Computed['snapshot']): Computed => {
    counts.notStored[reason]++;
    return { ...whole, freshUntilMs: undefined, snapshot };
  };
  if (start === undefined) return notStored('store_down', undefined);
  const tags = [...new Set([...start.snapshot.tags, ...(answer.tags ?? [])])];
  const life = lifeOf(method, whole.computedAtMs, parts.random());
  const refusal = ((): NotStoredReason | undefined => {
    if (whole.etag === undefined) return 'partial';
    if (!complete) return 'tag_empty';
    if (tags.length > tagsMax || !tags.every(isTag)) return 'tags_wrong';
    if (start.settling) return 'settling';
    if (l2 === undefined) return undefined;
    if (lease === undefined) return unanswered ? 'store_down' : 'lease_over';
    return shares.take(key.scope, { ...whole, ...life, key: key.key, tags }) ? undefined : 'share_full';
  })();
  if (!complete || tags.length > tagsMax || !tags.every(isTag)) return notStored(refusal ?? 'tags_wrong', 'incomplete');
  const lifeMs = refusal === undefined ? life.staleUntilMs - whole.computedAtMs : 0;
  let snapshot: Computed['snapshot'];
  /** First where all replicas see it, which refuses one whose lease is over; then here. */
  const store = (): Soon<Computed> =>
    soonThen(versions.keep(tags, start.snapshot.versions, start.at, lifeMs), (kept) => {
      // an answer that was invalidated while it was computed is of no use, and must not take the place of a newer one
      snapshot = kept === undefined ? 'invalidated' : { ...start.snapshot, tags, versions: kept.versions };
      if (refusal !== undefined) return notStored(refusal, snapshot);
      if (kept === undefined || snapshot === 'invalidated') return notStored('moved', 'invalidated');
      if (kept.settling) return notStored('settling', snapshot);
      const entry: CacheEntry = { ...whole, etag: whole.etag ?? '', ...snapshot, startedAt: start.at, scope: key.scope, ...life };
      return soonThen(l2 === undefined || lease === undefined ? 'stored' : l2.set(key.key, entry, lease), (result) => {
        if (result !== 'stored') return notStored(result, snapshot);
        return soonThen(layers.keepL1(key.key, entry), (isKept) =>
          isKept || l2 !== undefined ? { ...whole, freshUntilMs: entry.freshUntilMs, snapshot } : notStored('too_large', snapshot),
        );
      });
    });
  const storing = store();
  const stored = await budget.wait(storing);
  if (stored !== unavailable) return stored;
  const late = parts.onceMore(key.scope, whole.body.byteLength, Promise.resolve(storing), store).catch((error: unknown) => {
    if (error instanceof StoreDown) return notStored('store_down', snapshot);
    throw error;
  });
  late.catch(() => {}); // whoever waits for it receives it
  return { ...whole, freshUntilMs: undefined, snapshot, late };
}
