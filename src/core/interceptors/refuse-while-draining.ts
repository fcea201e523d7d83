import type { Clock } from '../kit/clock.ts';
import { Fault } from '../kit/fault.ts';
import type { Interceptor } from '../ports/call.ts';

export type DrainingParts = {
  readonly draining: () => boolean;
  /** The time that a drain gives calls to finish. */
  readonly graceMs: number;
  readonly clock: Clock;
};

/**
 * Refuses new streams on an open connection while the server drains (DRAINING): the end of the grace time would cut
 * them, and another replica serves them on a new connection. A stream whose deadline ends before that is accepted.
 */
export function refuseWhileDraining({ draining, graceMs, clock }: DrainingParts): Interceptor<unknown, unknown> {
  return function refuseWhileDraining(call, next) {
    if (draining() && (call.deadlineAtMs ?? Number.POSITIVE_INFINITY) > clock.nowMs() + graceMs)
      throw new Fault('DRAINING', 'The server is stopping: open the stream anew, on a new connection.', { retryAfterMs: againMs });
    return next(call);
  };
}

/** Enough time for a client to notice that its connection accepts no new streams. Milliseconds. */
const againMs = 100;
