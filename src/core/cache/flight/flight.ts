import type { Clock } from '../../kit/clock.ts';
import { Fault } from '../../kit/fault.ts';
import type { SoFar } from '../../ports/cached-stream.ts';
import type { Ending } from '../../ports/call.ts';
import type { TagSnapshot } from '../invalidation/verify-tags.ts';

/** The result of a computation. A failure is a value here, because only some waiters may receive it. */
export type Outcome<T> = { readonly value: T } | { readonly error: unknown };

/**
 * One computation that several calls may wait for. It is running, then over; it ends early when its time is over or
 * nobody waits any more.
 */
export type Flight<T> = {
  /** Aborted when the flight ends early; its reason is a Fault. */
  readonly signal: AbortSignal;
  /** Resolves with the outcome; `closed`: no call waited for it any more. */
  readonly over: Promise<Ending>;
  /**
   * On the flights' count of events: a call that arrived before it takes the answer as it is, a later one verifies it.
   */
  readonly begunAt: number;
  /** Its time: milliseconds. */
  readonly deadlineMs: number;
  /** The tags that the policy gives its answer. */
  readonly tags: readonly string[];
  /** When it began, by the store of versions; undefined before that is read, and where it cannot be. */
  start: { readonly at: number; readonly snapshot: TagSnapshot } | undefined;
  /**
   * Waits for the outcome until `signal` aborts: then this waiter alone leaves, and the last one to leave cancels the
   * flight.
   * @throws the signal's reason
   */
  join(signal: AbortSignal): Promise<Outcome<T>>;
  /**
   * Calls back with every answer so far, with the newest that is there at once.
   * @returns takes the callback off again
   */
  follow(callback: (soFar: SoFar) => void): () => void;
  /** A new answer so far. */
  report(soFar: SoFar): void;
  /** Lets it run to its end though nobody may wait for it. */
  keep(): void;
};

/**
 * Begins a flight. It has its own time, not that of the call that began it.
 * @param run gets the flight's signal; what does not heed it is left behind
 * @param deadlineMs of the method's policy
 */
export function beginFlight<T>(
  run: (flight: Flight<T>) => Promise<T>,
  { deadlineMs, clock, begunAt, tags }: { deadlineMs: number; clock: Clock; begunAt: number; tags: readonly string[] },
): Flight<T> {
  const controller = new AbortController();
  const { signal } = controller;
  const { promise: outcome, resolve } = Promise.withResolvers<Outcome<T>>();
  const followers = new Set<(soFar: SoFar) => void>();
  let soFar: SoFar | undefined;
  let waiting = 0;
  let kept = false;
  let computed = false;
  let abandoned = false;

  const leave = () => {
    waiting--;
    if (waiting > 0 || kept || computed) return;
    abandoned = true;
    controller.abort(new Fault('CALL_CANCELLED', 'Nobody waits for this answer any more.'));
  };
  const flight: Flight<T> = {
    signal,
    begunAt,
    deadlineMs,
    tags,
    start: undefined,
    over: outcome.then((ended) => ('value' in ended ? { how: 'returned' } : abandoned ? { how: 'closed' } : { how: 'threw', error: ended.error })),
    keep: () => {
      kept = true;
    },
    follow: (callback) => {
      followers.add(callback);
      if (soFar !== undefined) callback(soFar);
      return () => followers.delete(callback);
    },
    report: (newest) => {
      soFar = newest;
      for (const follower of followers) follower(newest);
    },
    join: (waiter) =>
      new Promise((answer, fail) => {
        waiting++;
        const onAbort = () => {
          leave();
          fail(waiter.reason);
        };
        if (waiter.aborted) return onAbort();
        waiter.addEventListener('abort', onAbort, { once: true });
        void outcome.then((ended) => {
          waiter.removeEventListener('abort', onAbort);
          answer(ended);
        });
      }),
  };
  const cancelTimer = clock.after(deadlineMs, () => controller.abort(tooLate(deadlineMs)));
  signal.addEventListener('abort', () => resolve({ error: signal.reason }), { once: true });
  run(flight)
    .then(
      (value) => resolve({ value }),
      (error: unknown) => resolve({ error }),
    )
    .finally(() => {
      computed = true;
      cancelTimer();
    });
  return flight;
}

function tooLate(deadlineMs: number): Fault {
  return new Fault('DEADLINE_EXCEEDED', `The answer was not computed within ${deadlineMs} ms.`, { metadata: { deadlineMs: String(deadlineMs) } });
}

/**
 * The flights that may be joined: at most one for each key, and no more than there are calls and recomputations going
 * on.
 */
export type Flights<T> = {
  /** The next number of a count of events, which orders them. */
  count(): number;
  /** The flight of this key, unless it was sealed or cancelled, or is over. */
  find(key: string): Flight<T> | undefined;
  /** Lets others find it until it is over. */
  open(key: string, flight: Flight<T>): void;
  /**
   * Closes the flights whose policy has one of `tags`: later calls begin a new flight at once. This is for promptness
   * only. Calls that joined before, and calls of a flight whose late tag was raised, verify the answer afterwards
   * (join-then-verify.ts).
   */
  seal(tags: readonly string[]): void;
};

/** No flights yet. */
export function flights<T>(): Flights<T> {
  const joinable = new Map<string, Flight<T>>();
  let events = 0;
  return {
    count: () => ++events,
    find: (key) => {
      const flight = joinable.get(key);
      return flight?.signal.aborted === false ? flight : undefined;
    },
    open: (key, flight) => {
      joinable.set(key, flight);
      void flight.over.then(() => {
        if (joinable.get(key) === flight) joinable.delete(key);
      });
    },
    seal: (tags) => {
      for (const [key, flight] of joinable) if (flight.tags.some((tag) => tags.includes(tag))) joinable.delete(key);
    },
  };
}
