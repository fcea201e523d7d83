// The workload that tries to break the cache's first promise, on any number of replicas and any adapters: readers and writers race, every step is delayed by chance, and
// every answer is held against what had been invalidated before it was asked for.
import { Metadata } from 'nice-grpc-common';
import { decodedOf } from '../../src/core/cache/key/visible-inputs.ts';
import type { Cache } from '../../src/core/cache/open-cache.ts';
import type { Clock } from '../../src/core/kit/clock.ts';
import { StatusError } from '../../src/core/kit/status-error.ts';
import type { SoFar } from '../../src/core/ports/cached-stream.ts';
import type { Answer, ReadyCall } from '../../src/core/ports/call.ts';
import { GetItemResponse } from '../fixture/gen/fixture/v1/fixture.ts';
import { planOf, readyCall } from '../support/cache/ready-call.ts';
import { insistOnInvalidating } from './insist.ts';
import { messagesOf } from './open.ts';

export type RaceOptions = {
  /** One for each replica. */
  readonly caches: readonly Cache[];
  readonly clock: Clock;
  readonly random: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly readers?: number;
  /** How often each reader reads. */
  readonly reads?: number;
  readonly invalidations?: number;
  /** The longest that one step of readers and writers is delayed, and of a computation. */
  readonly delayMs?: number;
  readonly computeMs?: number;
  readonly ttlMs?: number;
  readonly staleWhileRevalidateMs?: number;
  /** Up to so many late tags more for each answer: with over 64 its tag set is incomplete. */
  readonly moreTags?: number;
  /** Which part of the computations fails with a definite error about what it has read. */
  readonly errors?: number;
  /** Which part of the computations ends with parts missing. */
  readonly partials?: number;
  /** Which part of the reads is by the stream form, and which part of the others for a watch. */
  readonly streams?: number;
  readonly watches?: number;
  /** Which part of the invalidations is soft, and which part settles for a moment. */
  readonly soft?: number;
  readonly settling?: number;
  /** Which part of the invalidations is of writes: they hold at their replica, even where the store cannot be asked. */
  readonly writes?: number;
  /**
   * Each burst of invalidations waits until so many answers have come from memory since the last one: else a busy machine, or a Cluster in which late tags count as moved for
   * 2 s, makes a race in which there is nothing to invalidate. Readers read on meanwhile.
   */
  readonly hitsBetween?: number;
  /** How often the shared store did not answer so far: then replicas compute for themselves, and two at once are no fault. */
  readonly unanswered?: () => number;
};

export type RaceResult = {
  /** Answers that were served as fresh although they were computed before an invalidation that had returned when they were asked for. */
  readonly staleAsFresh: readonly string[];
  /** Answers of another user. */
  readonly foreign: readonly string[];
  /** Computations of one key at the same time, without an invalidation, or a store that did not answer, that would explain it. */
  readonly doubled: readonly string[];
  /** Errors that readers got without having left. */
  readonly failures: readonly unknown[];
  /** How answers were come by: hit, stale, miss, coalesced. */
  readonly results: Readonly<Record<string, number>>;
  readonly computes: number;
};

/** All that the race knows, at once. */
export const everything: Partial<RaceOptions> = {
  streams: 0.4,
  watches: 0.3,
  partials: 0.2,
  errors: 0.2,
  moreTags: 70,
  soft: 0.4,
  settling: 0.3,
  computeMs: 10,
};

const users = ['ada', 'bob', 'cid'];
const items = ['1', '2', '3', '4'];
/** The longest that a writer waits for hits. Milliseconds. */
const hitsMs = 20_000;
const shelfOf = (item: string) => `shelf:${Number(item) % 2}`;

/** `begunAtMs`: of the flight, which reads the versions before it computes. */
type Running = { readonly key: string; readonly begunAtMs: number; readonly signal: AbortSignal };

/** Runs the workload to its end. The truth is a number for each item, which every write raises before it invalidates; an answer carries the number that it read. */
export async function race(options: RaceOptions): Promise<RaceResult> {
  const {
    caches,
    clock,
    random,
    sleep,
    readers = 200,
    reads = 8,
    invalidations = 80,
    delayMs = 3,
    computeMs = delayMs,
    ttlMs = 40,
    staleWhileRevalidateMs = 0,
    moreTags = 0,
    errors = 0,
    partials = 0,
    streams = 0,
    watches = 0,
    soft = 0,
    settling = 0,
    writes = 0,
    hitsBetween = 0,
    unanswered = () => 0,
  } = options;
  const plan = { ...planOf('GetItem', { ttlMs, staleWhileRevalidateMs, staleIfErrorMs: 0 }), deadlineMs: 30_000 }; // nothing fails because a machine is busy
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const pause = () => sleep(random() * delayMs);
  const truth = new Map(items.map((item) => [item, 0]));
  /** What a reader at a replica may at least expect: the truth of the last invalidation that has returned. */
  const floors = new Map(caches.map((cache) => [cache, new Map(items.map((item) => [item, 0]))]));
  const floorOf = (cache: Cache, item: string) => floors.get(cache)?.get(item) ?? 0;
  const staleAsFresh: string[] = [];
  const foreign: string[] = [];
  const doubled: string[] = [];
  const failures: unknown[] = [];
  const results: Record<string, number> = {};
  let computes = 0;
  let invalidating = 0;
  let invalidatedAtMs = 0;
  const running = new Set<Running>();

  const compute = async (call: ReadyCall, report?: (soFar: SoFar) => void): Promise<Answer> => {
    const { itemId } = decodedOf(call).message as unknown as { itemId: string };
    const owner = call.caller?.kind === 'user' ? call.caller.userId : '';
    const own: Running = { key: `${owner} ${itemId}`, begunAtMs: (call.deadlineAtMs ?? 0) - plan.deadlineMs, signal: call.signal };
    for (const other of running) {
      const explained =
        other.key !== own.key ||
        other.signal.aborted ||
        unanswered() > 0 ||
        invalidating > 0 ||
        invalidatedAtMs >= Math.min(own.begunAtMs, other.begunAtMs);
      if (!explained) doubled.push(`${own.key}: begun at ${other.begunAtMs} and ${own.begunAtMs}`);
    }
    running.add(own);
    computes++;
    try {
      await sleep(random() * computeMs);
      const revision = truth.get(itemId) ?? 0;
      const body = GetItemResponse.encode(GetItemResponse.fromPartial({ itemId, owner, revision })).finish();
      if (streams > 0) {
        const soFar = { metadata: Metadata(), body, trailers: Metadata(), partial: true };
        report?.({ answer: soFar, endNow: async () => soFar });
      }
      await sleep(random() * computeMs);
      if (errors > 0 && random() < errors) throw new StatusError(5, String(revision));
      const more = moreTags === 0 ? [] : Array.from({ length: Math.floor(random() * moreTags) }, (_, i) => `more:${itemId}:${i}`);
      return {
        metadata: Metadata(),
        body,
        trailers: Metadata(),
        tags: [shelfOf(itemId), ...more],
        ...(partials > 0 && random() < partials && { partial: true }),
      };
    } finally {
      running.delete(own);
    }
  };

  const read = async () => {
    const [user, itemId, cache] = [pick(users), pick(items), pick(caches)];
    const leaver = new AbortController();
    if (random() < 0.05) void pause().then(() => leaver.abort(new Error('left')));
    const call = readyCall(plan, { request: { itemId }, user, signal: leaver.signal });
    const least = floorOf(cache, itemId);
    try {
      const streamed = streams > 0 && random() < streams;
      const watched = !streamed && watches > 0 && random() < watches;
      const answer = await (streamed
        ? cache.answerStream(plan, call, compute)
        : watched
          ? cache.answerWatched(call, compute)
          : cache.answer(call, compute));
      const messages = await messagesOf(answer);
      const result = String(answer.metadata.get('portico-cache') ?? (watched ? 'watch' : 'stream'));
      results[result] = (results[result] ?? 0) + 1;
      for (const [i, message] of messages.entries()) {
        const { owner, revision } = GetItemResponse.decode(message);
        const isOld =
          answer.watched?.verified === false ||
          (i === 0 && result === 'stale') ||
          (i === messages.length - 1 && answer.trailers.has('portico-stale'));
        if (owner !== user) foreign.push(`${user} got what is ${owner}'s`);
        if (!isOld && revision < least) staleAsFresh.push(`${result}: ${revision} of item ${itemId}, at least ${least}`);
      }
    } catch (error) {
      if (error instanceof StatusError && error.code === 5) {
        if (Number(error.message) < least) staleAsFresh.push(`error: ${error.message} of item ${itemId}, at least ${least}`);
      } else if (!leaver.signal.aborted) failures.push(error);
    }
  };

  /** Sometimes all of a shelf, whose tag only the computation knows. */
  const write = async () => {
    const item = pick(items);
    const shelf = random() < 0.4;
    const touched = shelf ? items.filter((other) => shelfOf(other) === shelfOf(item)) : [item];
    for (const one of touched) truth.set(one, (truth.get(one) ?? 0) + 1);
    const reached = touched.map((one) => [one, truth.get(one) ?? 0] as const);
    invalidating++;
    const cache = pick(caches);
    const tags = [shelf ? shelfOf(item) : `item:${item}`];
    const how = { soft: soft > 0 && random() < soft, settleMs: settling > 0 && random() < settling ? 1 + Math.floor(random() * delayMs * 3) : 0 };
    const isWrite = writes > 0 && random() < writes;
    if (isWrite) await cache.invalidateWritten(tags, how);
    else await insistOnInvalidating(cache, tags, how);
    invalidating--;
    invalidatedAtMs = clock.nowMs();
    for (const [replica, floor] of floors) {
      if (isWrite && replica !== cache) continue;
      for (const [one, value] of reached) floor.set(one, Math.max(floor.get(one) ?? 0, value));
    }
  };

  let writing = true;
  const reader = async () => {
    for (let i = 0; i < reads || (hitsBetween > 0 && writing); i++) {
      await pause();
      await read();
    }
  };
  /** Comes in bursts, with quiet times between in which nothing excuses a second computation. */
  const writer = async () => {
    for (let i = 0; i < invalidations; i++) {
      if (i % 20 === 0) {
        await sleep(delayMs * 10);
        const enough = (results.hit ?? 0) + hitsBetween;
        const giveUpAtMs = clock.nowMs() + hitsMs;
        while ((results.hit ?? 0) < enough && clock.nowMs() < giveUpAtMs) await sleep(delayMs);
      }
      await pause();
      await write();
    }
  };
  const written = writer().finally(() => {
    writing = false;
  });
  await Promise.all([...Array.from({ length: readers }, reader), written]);
  return { staleAsFresh, foreign, doubled, failures, results, computes };
}
