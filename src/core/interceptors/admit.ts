import type { Clock } from '../kit/clock.ts';
import { Fault } from '../kit/fault.ts';
import type { Interceptor } from '../ports/call.ts';

export type AdmitParts = {
  readonly draining: () => boolean;
  /** How long a drain lets calls finish. */
  readonly graceMs: number;
  readonly clock: Clock;
};

/**
 * Refuses streams that come on an open connection while the server drains: at the end of the grace time they would be cut, and on a new connection another replica serves them
 * (DRAINING). One whose own time ends before that is taken on.
 */
export function admit({ draining, graceMs, clock }: AdmitParts): Interceptor<unknown, unknown> {
  return function admit(call, next) {
    if (draining() && (call.deadlineAtMs ?? Number.POSITIVE_INFINITY) > clock.nowMs() + graceMs)
      throw new Fault('DRAINING', 'The server is stopping: open the stream anew, on a new connection.', { retryAfterMs: againMs });
    return next(call);
  };
}

/** Long enough for a client to see that its connection takes no new streams. Milliseconds. */
const againMs = 100;
