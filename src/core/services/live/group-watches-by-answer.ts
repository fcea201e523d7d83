import { backoffMs } from '../../kit/backoff.ts';
import type { Clock } from '../../kit/clock.ts';
import type { Limiter } from '../../kit/concurrency-limiter.ts';
import { ended } from '../../kit/ending.ts';
import type { MethodPlan } from '../../kit/method-plan.ts';
import type { Soon } from '../../kit/soon.ts';
import { pause } from '../../kit/until-called.ts';
import type { Answer, Call, Caller, ReadyCall } from '../../ports/call.ts';
import type { OnInvalidated } from '../../ports/invalidate.ts';
import type { Watched } from '../../ports/watched.ts';
import { mayPass } from '../../streams/close-advice.ts';
import { eachInTurns, type Turns } from '../../streams/event-loop-turns.ts';
import { oneMessageRequest } from '../caller-rule.ts';
import { type Group, type Member, openWatchedAnswer, type Shot } from './recompute-watched-answer.ts';

export type WatchesParts = {
  /** The chain of a watched method, for a caller who was authenticated when the stream opened. */
  readonly answerWatched: (call: Call & { readonly caller: Caller | undefined }) => Soon<Answer>;
  readonly onInvalidated: OnInvalidated;
  readonly recheckMs: number;
  readonly turns: Turns;
  readonly clock: Clock;
  readonly random: () => number;
  /** Bound the computations for changes, and those for clients that come. */
  readonly computations: Limiter;
  readonly arrivals: Limiter;
  readonly counts: { computes: number };
};

/** What is watched, and by whom. */
export type WatchWish = {
  readonly plan: MethodPlan;
  /** The request's message, encoded. */
  readonly request: Uint8Array;
  /** The call of the stream: its metadata, its trace, its client. */
  readonly call: ReadyCall;
  readonly caller: Caller | undefined;
  /** The answer is there: its key among those of this replica, and the answer itself. */
  onOpen(key: number, shot: Shot): void;
} & Pick<Member, 'onShot' | 'onRefused' | 'onFailing'>;

export type Watches = {
  /** @returns ends the watch */
  watch(wish: WatchWish): () => void;
  /** Answers that are watched. */
  count(): number;
  close(): void;
};

type WatchedAnswer = Answer & { readonly watched: Watched };
const failing = { firstMs: 1_000, factor: 2, mostMs: 30_000, least: 0.5, spread: 0.5 } as const;

/** The watched answers of this replica: one group for each answer. */
export function openWatches(parts: WatchesParts): Watches {
  const { answerWatched, onInvalidated, turns, clock, random, arrivals } = parts;
  const groups = new Map<string, { readonly group: Group; tags: readonly string[] }>();
  const byTag = new Map<string, Set<Group>>();
  /** Tags that were invalidated during each computation under way: nothing says yet which are those of its answer. */
  const underWay = new Set<Set<string>>();
  let keys = 0;

  const off = onInvalidated((tags) => {
    if (tags === undefined) {
      eachInTurns(turns, groups.values(), ({ group }) => group.check());
      return;
    }
    for (const seen of underWay) for (const tag of tags) seen.add(tag);
    for (const group of new Set(tags.flatMap((tag) => [...(byTag.get(tag) ?? [])]))) group.invalidated();
  });
  const index = (key: string, tags: readonly string[]) => {
    const kept = groups.get(key);
    if (kept === undefined) return;
    for (const tag of kept.tags) {
      const others = byTag.get(tag);
      others?.delete(kept.group);
      if (others?.size === 0) byTag.delete(tag);
    }
    kept.tags = tags;
    for (const tag of tags) byTag.set(tag, (byTag.get(tag) ?? new Set()).add(kept.group));
  };
  const groupOf = (key: string, intervalMs: number): Group => {
    const known = groups.get(key);
    if (known !== undefined) return known.group;
    const onTags = (tags: readonly string[]) => index(key, tags);
    const group = openWatchedAnswer({ ...parts, key: ++keys, intervalMs, mayPass, onTags });
    groups.set(key, { group, tags: [] });
    return group;
  };
  const compute = async ({ plan, request, call, caller }: WatchWish, signal: AbortSignal): Promise<WatchedAnswer> => {
    const seen = new Set<string>();
    underWay.add(seen);
    const one = oneMessageRequest(plan, request);
    try {
      const answer = await answerWatched({ ...call, plan, protocol: 'grpc', request: one, caller, signal, deadlineAtMs: undefined, onEnd: () => {} });
      const { watched } = answer as WatchedAnswer;
      if (watched.tags?.some((tag) => seen.has(tag))) setImmediate(() => groups.get(watched.key)?.group.check());
      return answer as WatchedAnswer;
    } finally {
      underWay.delete(seen);
    }
  };

  const begin = async (wish: WatchWish, signal: AbortSignal): Promise<void> => {
    const sinceMs = clock.monotonicMs();
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        const answer = await arrivals(() => compute(wish, signal), signal);
        if (!signal.aborted) join(wish, answer, signal);
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (!mayPass(error)) return wish.onRefused(error);
        wish.onFailing?.(sinceMs);
      }
      await pause(clock, backoffMs(failing, failures + 1, random), signal);
    }
  };
  const join = (wish: WatchWish, answer: WatchedAnswer, signal: AbortSignal) => {
    const { key } = answer.watched;
    const group = groupOf(key, wish.plan.cache?.watchIntervalMs ?? 0);
    const shot = group.take(answer);
    const { onShot, onRefused, onFailing } = wish;
    const member: Member = { compute: (own) => compute(wish, own), onShot, onRefused, ...(onFailing && { onFailing }) };
    group.members.add(member);
    signal.addEventListener(
      'abort',
      () => {
        group.members.delete(member);
        if (group.members.size > 0) return;
        index(key, []);
        groups.delete(key);
        group.close();
      },
      { once: true },
    );
    wish.onOpen(group.key, shot);
  };
  return {
    watch: (wish) => {
      const leaving = new AbortController();
      void begin(wish, leaving.signal);
      return () => leaving.abort(ended);
    },
    count: () => groups.size,
    close: off,
  };
}
