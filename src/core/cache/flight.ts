import type { Clock } from '../kit/clock.ts';
import { Fault } from '../kit/fault.ts';
import type { Ending } from '../ports/call.ts';
import type { Stamp } from './judge.ts';

/** One computation that several calls may wait for. It is running, then over; it ends early when its time is over or nobody waits any more. */
export type Flight<T> = {
  /** Aborted when the flight ends early; its reason is a Fault. */
  readonly signal: AbortSignal;
  /** Resolves when there is a result or an error for those who wait; `closed`: nobody did. */
  readonly over: Promise<Ending>;
  /** On the flights' count of events: a call that came before it may have its answer as it is, one that came after has to ask whether that still holds. */
  readonly begunAt: number;
  /** The versions that it began with, of the tags that the policy gives the answer; undefined before they are read, and where they cannot be. */
  stamp: Stamp | undefined;
  /** All tags of its answer, once they are known: undefined while it computes. */
  tags: readonly string[] | undefined;
  /**
   * Waits for the result until `signal` aborts: then this waiter alone leaves, and the last one to leave cancels the flight.
   * @throws what the computation threw, or the signal's reason
   */
  join(signal: AbortSignal): Promise<T>;
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
  { deadlineMs, clock, begunAt }: { deadlineMs: number; clock: Clock; begunAt: number },
): Flight<T> {
  const controller = new AbortController();
  const { signal } = controller;
  const { promise: result, resolve, reject } = Promise.withResolvers<T>();
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
    stamp: undefined,
    over: result.then(
      () => ({ how: 'returned' }),
      (error) => (abandoned ? { how: 'closed' } : { how: 'threw', error }),
    ),
    tags: undefined,
    keep: () => {
      kept = true;
    },
    join: (waiter) =>
      new Promise<T>((answer, fail) => {
        const onAbort = () => {
          leave();
          fail(waiter.reason);
        };
        if (waiter.aborted) return fail(waiter.reason);
        waiting++;
        waiter.addEventListener('abort', onAbort, { once: true });
        result.then(answer, fail).finally(() => waiter.removeEventListener('abort', onAbort));
      }),
  };
  const cancelTimer = clock.after(deadlineMs, () => controller.abort(tooLate(deadlineMs)));
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  run(flight)
    .then(resolve, reject)
    .finally(() => {
      computed = true;
      cancelTimer();
    });
  return flight;
}

function tooLate(deadlineMs: number): Fault {
  return new Fault('DEADLINE_EXCEEDED', `The answer was not computed within ${deadlineMs} ms.`, { metadata: { deadlineMs: String(deadlineMs) } });
}
