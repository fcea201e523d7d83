import { backoffMs } from '../../kit/backoff.ts';
import type { Clock } from '../../kit/clock.ts';
import type { Limiter } from '../../kit/concurrency-limiter.ts';
import { ended } from '../../kit/ending.ts';
import type { Answer } from '../../ports/call.ts';
import type { Watched } from '../../ports/watched.ts';
import { eachInTurns, type Turns } from '../../streams/event-loop-turns.ts';
import { encode } from './encode-live.ts';

/** The newest answer of a group, encoded once for all its members. */
export type Shot = {
  readonly etag: string | undefined;
  readonly partial: boolean;
  readonly verified: boolean;
  readonly message: Uint8Array;
};

/** A client that watches an answer. */
export type Member = {
  /** Computes the answer with the permissions of this member. */
  compute(signal: AbortSignal): Promise<Answer>;
  onShot(shot: Shot): void;
  /** The answer could not be computed, in a way that says something about it: it does not exist, or may not be seen. */
  onRefused(error: unknown): void;
  /** It cannot be computed for now: since when, on the monotonic clock. */
  onFailing?(sinceMs: number): void;
};

export type GroupParts = {
  readonly key: number;
  readonly intervalMs: number;
  /**
   * The interval at which versions are compared, in case an invalidation was lost. One read serves many groups.
   * Milliseconds.
   */
  readonly recheckMs: number;
  readonly turns: Turns;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** Bounds the computations of this replica for watches. */
  readonly computations: Limiter;
  /** Whether a failure says nothing about the answer. */
  readonly mayPass: (error: unknown) => boolean;
  readonly counts: { computes: number };
  readonly onTags: (tags: readonly string[]) => void;
};

/** All clients of this replica that watch one answer. */
export type Group = {
  readonly key: number;
  readonly members: Set<Member>;
  /** Takes an answer that a member has computed when it came. @returns the newest there is */
  take(answer: Answer & { readonly watched: Watched }): Shot;
  /** One of its tags was invalidated. */
  invalidated(): void;
  /** Something may have been invalidated: only then is it computed anew. */
  check(): void;
  close(): void;
};

const failing = { firstMs: 1_000, factor: 2, mostMs: 60_000, least: 0.5, spread: 0.5 } as const;

/**
 * Computes the answer anew when it was invalidated or its time is over: at once, then not more often than the interval.
 * Its states: idle, until the next check; due, until the interval has passed; computing. One computation at a time, so
 * that an answer never replaces a newer one.
 */
export function openWatchedAnswer({ key, intervalMs, recheckMs, turns, clock, random, computations, mayPass, counts, onTags }: GroupParts): Group {
  const members = new Set<Member>();
  const leaving = new AbortController();
  const { signal } = leaving;
  let watched: Watched | undefined;
  /** On the monotonic clock; undefined: the answer was not stored. */
  let freshUntilMs: number | undefined;
  let shot: Shot | undefined;
  let to: readonly Member[] = [];
  let offered = 0;
  let state: 'idle' | 'due' | 'computing' = 'idle';
  /** It was invalidated while it was computed. */
  let again = false;
  let computedAtMs = Number.NEGATIVE_INFINITY;
  let failures = 0;
  let failingSinceMs = 0;
  /** The last computation failed. Members are notified of it in later turns, unless it has succeeded meanwhile. */
  let isFailing = false;
  let cancel = () => {};

  const plan = (delayMs: number, work: () => void) => {
    cancel();
    if (!signal.aborted) cancel = clock.after(delayMs, work);
  };
  const rest = () => {
    state = 'idle';
    if (freshUntilMs === undefined || failures > 0) return plan(backoff(Math.max(1, failures)), due);
    plan(Math.max(1, Math.min(freshUntilMs - clock.monotonicMs(), recheckMs * (0.75 + 0.5 * random()))), check);
  };
  const backoff = (n: number) => Math.max(intervalMs, backoffMs(failing, n, random));
  /** Offers the newest answer to one member. @returns whether there are more: a newer one begins anew */
  const offer = (): boolean => {
    if (shot !== undefined) to[offered++]?.onShot(shot);
    if (offered < to.length) return true;
    to = []; // it holds no member that has left
    return false;
  };
  const take: Group['take'] = (answer) => {
    const { watched: newest, partial = false } = answer;
    if (watched !== undefined && newest.sequence < watched.sequence) return shot as Shot; // an older one
    watched = newest;
    isFailing = false;
    freshUntilMs = newest.freshForMs === undefined ? undefined : clock.monotonicMs() + newest.freshForMs;
    if (freshUntilMs === undefined) failures++;
    else failures = 0;
    if (newest.tags !== undefined) onTags(newest.tags);
    const worse = (partial && shot?.partial === false) || (!newest.verified && shot?.verified === true);
    const same = shot !== undefined && newest.etag !== undefined && newest.etag === shot.etag && newest.verified === shot.verified;
    if (shot !== undefined && (worse || same)) return shot;
    const { etag, verified } = newest;
    const value = { key: BigInt(key), etag: etag ?? '', payload: answer.body as Uint8Array, partial, stale: !verified };
    shot = { etag, partial, verified, message: encode({ $case: 'snapshot', value }) };
    to = [...members];
    offered = 0;
    turns.begin(offer);
    return shot;
  };
  const compute = async () => {
    state = 'computing';
    again = false;
    const [member] = members;
    if (member === undefined) return;
    try {
      const answer = await computations(() => {
        again = false; // what came while it waited for its turn is in it
        computedAtMs = clock.monotonicMs();
        counts.computes++;
        return member.compute(signal);
      }, signal);
      if (signal.aborted) return;
      take(answer as Answer & { readonly watched: Watched });
    } catch (error) {
      if (signal.aborted) return;
      if (!mayPass(error)) {
        state = 'idle'; // a client whose answer comes while these leave goes on with it
        eachInTurns(turns, members, (refused) => members.has(refused) && refused.onRefused(error));
        return;
      }
      if (failures++ === 0) failingSinceMs = clock.monotonicMs();
      isFailing = true;
      eachInTurns(turns, members, (waiting) => isFailing && members.has(waiting) && waiting.onFailing?.(failingSinceMs));
    }
    state = 'idle';
    if (again && failures === 0)
      check(); // the invalidation may be the one for which it was computed
    else rest();
  };
  const due = () => {
    if (state === 'computing') again = true;
    if (state !== 'idle') return;
    state = 'due';
    plan(Math.max(0, computedAtMs + intervalMs - clock.monotonicMs()), () => eachInTurns(turns, [compute], (begin) => void begin()));
  };
  const check = () => {
    if (state !== 'idle' || failures > 0) return; // a failed one is computed anew soon, and not before
    if (watched === undefined || freshUntilMs === undefined || freshUntilMs <= clock.monotonicMs()) return due();
    const seen = watched;
    Promise.resolve(seen.isCurrent()).then((current) => {
      if (state !== 'idle' || watched !== seen || signal.aborted) return;
      if (current) rest();
      else due();
    }, due);
  };
  return {
    key,
    members,
    take: (answer) => {
      const newest = take(answer);
      if (state === 'idle') rest();
      return newest;
    },
    invalidated: due,
    check,
    close: () => {
      leaving.abort(ended);
      cancel();
    },
  };
}
