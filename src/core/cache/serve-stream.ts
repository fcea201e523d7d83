import { Metadata } from 'nice-grpc-common';
import { soonThen } from '../kit/soon.ts';
import type { CacheEntry } from '../ports/cache-store.ts';
import type { AnswerStream, ComputeSoFar } from '../ports/cached-stream.ts';
import type { PushedBody, ReadyCall } from '../ports/call.ts';
import { timeToAnswer } from './answer-before-deadline.ts';
import type { CachedMethod } from './cached-method.ts';
import { timeOf } from './compute-and-store.ts';
import { type Computed, wasStored } from './computed-answer.ts';
import type { Flight } from './flight/flight.ts';
import { joinThenVerify } from './flight/join-then-verify.ts';
import { type Ended, openRelay, type Relay } from './flight/relay-to-stream.ts';
import { freshnessOf } from './freshness.ts';
import type { Key } from './key/key.ts';
import { markStale, metadataOf, note, streamMetadata, type Whole, wholeOf } from './reply-metadata.ts';
import type { ServeParts } from './serve.ts';
import type { WaitBudget } from './wait-budget.ts';

/** One call of a stream form. */
type Streamed = {
  readonly method: CachedMethod;
  readonly call: ReadyCall;
  readonly compute: ComputeSoFar;
  readonly key: Key | undefined;
  readonly budget: WaitBudget;
  /** On the flights' count of events. */
  readonly arrivedAt: number;
  /** Sent at once, though it is old. */
  readonly first: CacheEntry | undefined;
  /** What may be sent in place of an error, or of an answer with parts missing. */
  readonly old: CacheEntry | undefined;
  readonly trailers: Metadata;
};

/**
 * The stream form of a cached method: what is stored at once, followed by a new answer where it is old; else the
 * answers so far of the flight that all share, then its whole answer. Not-modified is the unary reply's alone: a stream
 * sends what it speaks of. Its metadata is true of its first message, its trailers of the last.
 */
export function serveStreamBy({
  layers,
  flights,
  partials,
  joining,
  begin,
  stale,
  backoffs,
  openBudget,
  methodOf,
  clock,
  counts,
}: ServeParts): AnswerStream {
  /** Waits for what the flight comes to; its answers so far go over the relay meanwhile. */
  const computed = async (
    { method, call, compute, key, budget, arrivedAt, trailers }: Streamed,
    signal: AbortSignal,
    relay: Relay,
  ): Promise<Computed> => {
    const beginOwn = () => begin({ method, call, key, budget }, compute);
    let last: Flight<Computed> | undefined; // that was waited for
    const wait = (flight: Flight<Computed>, verified: boolean) => {
      last = flight;
      if (verified) relay.follow(flight);
      // the parts of an older flight may be older than an invalidation that had returned, unless nothing at all was
      // raised since it began
      else void joining.isQuietNow(flight.start, budget).then((quiet) => quiet && last === flight && relay.follow(flight));
      return flight.join(signal);
    };
    const alone = async (flight: Flight<Computed>) => {
      const outcome = await wait(flight, true);
      if ('error' in outcome) throw outcome.error;
      return outcome.value;
    };
    if (key === undefined) return alone(beginOwn());
    const partial = partials.find(key.key, timeOf(call.plan));
    if (partial !== undefined && (await joining.isCurrent(partial, budget))) return partial;
    const joined = await joinThenVerify(joining, { key: key.key, arrivedAt, budget, signal, begin: beginOwn, wait });
    // a unary call's flight has less time than a stream: what was late for it may still come for this one
    if (joined.computed.partial === true && (last?.deadlineMs ?? 0) < timeOf(call.plan) && !signal.aborted) return alone(beginOwn());
    if (!joined.verified) trailers.set('portico-stale', '0');
    return joined.computed;
  };

  const lastOf = async (method: CachedMethod, ended: Ended, relay: Relay): Promise<Whole> => {
    if ('computed' in ended) return ended.computed;
    if ('error' in ended) throw ended.error;
    const soFar = relay.latest();
    if (soFar === undefined) throw ended.late;
    return wholeOf(method, await soFar.endNow());
  };

  /** Ends a stream with an old answer, unless that is what it began with. */
  function* oldAsLast({ first, trailers }: Streamed, entry: CacheEntry): Generator<Uint8Array> {
    markStale(trailers, entry, clock.nowMs());
    if (first === undefined) yield entry.body;
  }

  async function* body(streamed: Streamed): AsyncGenerator<Uint8Array> {
    const { method, call, key, budget, first, old, trailers } = streamed;
    if (first !== undefined) yield first.body;
    const leaving = new AbortController();
    const leave = () => leaving.abort(call.signal.reason);
    if (call.signal.aborted) leave();
    else call.signal.addEventListener('abort', leave, { once: true });
    const relay = openRelay();
    const time = timeToAnswer(call, clock);
    const cancelTimer = time && clock.after(time.afterMs, () => relay.end({ late: time.fault() }));
    const tried = (done: boolean) => first !== undefined && key !== undefined && backoffs.tried(key, done);
    computed(streamed, leaving.signal, relay).then(
      (computed) => {
        void soonThen(wasStored(computed), tried);
        relay.end({ computed });
      },
      (error: unknown) => {
        if (!leaving.signal.aborted) tried(false);
        relay.end({ error });
      },
    );
    try {
      let next = await relay.next();
      for (; 'answer' in next; next = await relay.next()) if (first === undefined) yield next.answer.body as Uint8Array;
      const last = await lastOf(method, next, relay);
      const whole = last.partial === true ? (first ?? (await stale.insteadOfPartial({ method, call, entry: old, budget }))) : undefined;
      if (whole !== undefined) return yield* oldAsLast(streamed, whole);
      if (last.etag !== undefined) trailers.set('etag', last.etag);
      yield last.body;
    } catch (error) {
      const covers = await stale.rescue({ method, call, entry: old, budget }, error);
      if (covers === undefined) throw error;
      yield* oldAsLast(streamed, covers);
    } finally {
      cancelTimer?.();
      relay.close();
      call.signal.removeEventListener('abort', leave);
      leaving.abort(new Error('The stream is over.')); // leaves the flight
    }
  }

  return async (plan, call, compute) => {
    const arrivedAt = flights.count();
    const method = methodOf(plan);
    const key = method.keyOf(call);
    const budget = openBudget();
    const found = key && (await layers.find(key.key, budget));
    const nowMs = clock.nowMs();
    const how = found && freshnessOf(method, found, nowMs);
    if (found !== undefined && how === 'fresh')
      return {
        metadata: streamMetadata({ call, counts }, found.entry, 'hit', nowMs),
        body: once(found.entry.body),
        trailers: metadataOf(found.entry.trailers).set('etag', found.entry.etag),
      };
    const first = how === undefined ? undefined : found?.entry;
    if (first !== undefined && key !== undefined && !backoffs.mayTry(key.key))
      return {
        metadata: streamMetadata({ call, counts }, first, 'stale', nowMs),
        body: once(first.body),
        trailers: markStale(metadataOf(first.trailers), first, nowMs),
      };
    if (first === undefined) note(call, counts, key === undefined ? 'refused' : 'miss');
    const trailers = Metadata();
    return {
      metadata: first === undefined ? Metadata() : streamMetadata({ call, counts }, first, 'stale', nowMs),
      body: body({ method, call, compute, key, budget, arrivedAt, first, old: found?.entry, trailers }),
      trailers,
    };
  };
}

function once(body: Uint8Array): PushedBody {
  return (sink) => {
    sink.write(body);
    sink.end();
  };
}
