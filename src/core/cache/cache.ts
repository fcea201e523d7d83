import type { Clock } from '../kit/clock.ts';
import { reasons as coreReasons, Fault } from '../kit/fault.ts';
import type { MethodPlan } from '../kit/plan.ts';
import type { CacheEntry, CacheStore } from '../ports/cache-store.ts';
import type { OpenCached } from '../ports/cached-stream.ts';
import type { Answer, Handler, ReadyCall } from '../ports/call.ts';
import type { Invalidate } from '../ports/invalidate.ts';
import type { Soon } from '../ports/soon.ts';
import type { TagVersions } from '../ports/tag-versions.ts';
import type { CacheCounts } from './counts.ts';
import { beginFlight, type Flight } from './flight.ts';
import { type Flights, flights as noFlights } from './flights.ts';
import { decodedOf } from './inputs.ts';
import type { Key } from './key.ts';
import { languageOf } from './language.ts';
import { type CachedMethod, cachedMethod } from './method.ts';
import { type Computed, record, wholeOf } from './recording.ts';
import { answerOf, note, replyOf } from './reply.ts';
import { copyOf, neverShared, type Reasons, staleMayHelp, statusOf } from './status.ts';

/** What the cache is made of. */
export type CacheParts = {
  readonly store: CacheStore;
  readonly versions: TagVersions;
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
  answer(call: ReadyCall, compute: Handler): Promise<Answer>;
  /** Of a stream form: reads the entry of the unary method, or begins a computation that may fill it. */
  open: OpenCached;
  invalidate: Invalidate;
};

/** Most recomputations that nobody waits for, at once. Over it old answers are served without one. */
const backgroundMax = 100;
/** For a plan without a deadline, which unary methods do not have: the default of a policy. */
const defaultDeadlineMs = 10_000;

/** A cache over its parts. All its methods must be given calls of plans with `cache`. */
export function openCache(parts: CacheParts): Cache {
  const { store, versions, clock, counts, reasons = coreReasons, flights = noFlights<Computed>() } = parts;
  const language = languageOf(parts.locales);
  const methods = new Map<MethodPlan, CachedMethod>();
  let inBackground = 0;

  const methodOf = (plan: MethodPlan): CachedMethod => {
    const known = methods.get(plan);
    if (known !== undefined) return known;
    const method = cachedMethod(plan, language);
    methods.set(plan, method);
    return method;
  };
  const replyEntry = (method: CachedMethod, call: ReadyCall, entry: CacheEntry, result: 'hit' | 'stale'): Answer => {
    const nowMs = clock.nowMs();
    const how = { result, freshForMs: Math.max(0, entry.freshUntilMs - nowMs) };
    return replyOf(method, call, counts, entry, result === 'hit' ? how : { ...how, ageMs: nowMs - entry.computedAtMs });
  };
  const replyComputed = (method: CachedMethod, call: ReadyCall, computed: Computed, result: 'miss' | 'coalesced'): Answer => {
    const freshForMs = computed.freshUntilMs === undefined ? undefined : computed.freshUntilMs - clock.nowMs();
    return replyOf(method, call, counts, computed, { result, freshForMs });
  };

  /** @param joinable false for one that repeats what another caller's computation met */
  const begin = (method: CachedMethod, call: ReadyCall, key: Key, compute: Handler, joinable = true): Flight<Computed> => {
    const deadlineMs = method.plan.deadlineMs ?? defaultDeadlineMs;
    const deadlineAtMs = clock.nowMs() + deadlineMs;
    const decoded = decodedOf(call);
    const seen = { plan: call.plan, trace: call.trace, decoded, request: decoded.canonical, deadlineAtMs, ...method.inputsOf(call) };
    const run = async (flight: Flight<Computed>) => {
      const recording = await record(parts, method, call, key);
      const answer = await compute({ ...seen, signal: flight.signal, onEnd: (callback) => void flight.over.then(callback) });
      return recording.finish(answer, (tags) => {
        flight.tags = tags;
      });
    };
    const flight = beginFlight(run, { deadlineMs, clock });
    if (joinable) flights.open(key.key, flight);
    return flight;
  };

  /** Computes anew behind an old answer, unless that is being done already or too much of it. */
  const revalidate = (method: CachedMethod, call: ReadyCall, key: Key, compute: Handler) => {
    if (inBackground >= backgroundMax || flights.find(key.key) !== undefined) return;
    const flight = begin(method, call, key, compute);
    flight.keep();
    inBackground++;
    void flight.over.then(() => inBackground--);
  };

  /** The entry of a key, unless it was invalidated or its time is wholly over. Not async: a hit in memory waits for nothing. */
  const usable = (key: string): Soon<CacheEntry | undefined> => {
    const found = store.get(key);
    return found instanceof Promise ? found.then(ifUsable) : ifUsable(found);
  };
  const ifUsable = (entry: CacheEntry | undefined): Soon<CacheEntry | undefined> => {
    if (entry === undefined || clock.nowMs() >= entry.staleUntilMs) return undefined;
    const unmoved = versions.unmoved(entry.tags, entry.versions);
    if (unmoved instanceof Promise) return unmoved.then((yes) => (yes ? entry : undefined));
    return unmoved === true ? entry : undefined;
  };

  const staleIfError = (method: CachedMethod, entry: CacheEntry | undefined): entry is CacheEntry =>
    entry !== undefined && clock.nowMs() < entry.freshUntilMs + method.cache.staleIfErrorMs;
  const rescue = async (method: CachedMethod, call: ReadyCall, entry: CacheEntry | undefined, error: unknown): Promise<Answer | undefined> => {
    if (call.signal.aborted || !staleIfError(method, entry) || !staleMayHelp(error, reasons)) return undefined;
    const still = await ifUsable(entry); // it may have been invalidated while its successor was computed
    return still && replyEntry(method, call, still, 'stale');
  };

  /** Waits as long as the call may; where an old answer could help, only until there is still time to send that. */
  const join = (method: CachedMethod, call: ReadyCall, flight: Flight<Computed>, entry: CacheEntry | undefined): Promise<Computed> => {
    const { deadlineAtMs } = call;
    if (deadlineAtMs === undefined || !staleIfError(method, entry)) return flight.join(call.signal);
    const leftMs = deadlineAtMs - clock.nowMs();
    return new Promise((resolve, reject) => {
      const cancelTimer = clock.after(Math.max(0, leftMs - marginMs(leftMs)), () => {
        flight.keep(); // so that the next call finds a new answer
        reject(new Fault('DEADLINE_EXCEEDED', `The answer was not computed within ${leftMs} ms.`, { metadata: { deadlineMs: String(leftMs) } }));
      });
      flight.join(call.signal).then(resolve, reject).finally(cancelTimer);
    });
  };

  const answerAlone = async (method: CachedMethod, call: ReadyCall, compute: Handler): Promise<Answer> => {
    try {
      const whole = wholeOf(method, await compute({ ...call, ...method.inputsOf(call) }));
      return replyOf(method, call, counts, whole, { result: 'refused', freshForMs: undefined });
    } catch (error) {
      note(call, counts, 'refused');
      throw error;
    }
  };

  const answerComputed = async (
    method: CachedMethod,
    call: ReadyCall,
    key: Key,
    compute: Handler,
    entry: CacheEntry | undefined,
  ): Promise<Answer> => {
    const joined = flights.find(key.key);
    const result = joined === undefined ? 'miss' : 'coalesced';
    try {
      if (call.signal.aborted) throw call.signal.reason;
      const flight = joined ?? begin(method, call, key, compute);
      const computed = await join(method, call, flight, entry).catch((error) => {
        if (joined === undefined || call.signal.aborted) throw error;
        if (!neverShared.has(statusOf(error, reasons))) throw copyOf(error);
        return begin(method, call, key, compute, false).join(call.signal);
      });
      return replyComputed(method, call, computed, result);
    } catch (error) {
      const old = await rescue(method, call, entry, error);
      if (old !== undefined) return old;
      note(call, counts, result);
      throw error;
    }
  };

  const answer: Cache['answer'] = async (call, compute) => {
    const method = methodOf(call.plan);
    const key = method.keyOf(call);
    if (key === undefined) return answerAlone(method, call, compute);
    const found = usable(key.key);
    const entry = found instanceof Promise ? await found : found;
    const nowMs = clock.nowMs();
    if (entry !== undefined && nowMs < entry.freshUntilMs) return replyEntry(method, call, entry, 'hit');
    if (entry !== undefined && nowMs < entry.freshUntilMs + method.cache.staleWhileRevalidateMs) {
      revalidate(method, call, key, compute);
      return replyEntry(method, call, entry, 'stale');
    }
    return answerComputed(method, call, key, compute, entry);
  };

  const open: OpenCached = async (plan, call) => {
    const method = methodOf(plan);
    const key = method.keyOf(call);
    const entry = key && (await usable(key.key));
    const nowMs = clock.nowMs();
    if (entry !== undefined && nowMs < entry.freshUntilMs) return { hit: replyEntry(method, call, entry, 'hit') };
    const old = entry !== undefined && nowMs < entry.freshUntilMs + method.cache.staleWhileRevalidateMs;
    const stale = old ? replyEntry(method, call, entry, 'stale') : undefined;
    if (stale === undefined) note(call, counts, key === undefined ? 'refused' : 'miss');
    const recording = key && (await record(parts, method, call, key));
    return {
      hit: undefined,
      stale,
      call: { ...call, ...method.inputsOf(call), ...(key && { request: decodedOf(call).canonical }) },
      offer: async (answer) => answerOf(recording === undefined ? wholeOf(method, answer) : await recording.finish(answer)),
      rescue: (error) => rescue(method, call, entry, error),
    };
  };

  const invalidate: Invalidate = async (tags) => {
    try {
      await versions.raise(tags);
    } finally {
      flights.seal(tags);
    }
  };

  return { answer, open, invalidate };
}

/** What is kept of a call's time to send an old answer: as the parts of a screen end before it (facts/bff.md section 2). */
function marginMs(leftMs: number): number {
  return Math.min(250, Math.max(20, leftMs / 10));
}
