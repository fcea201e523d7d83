import type { Clock } from '../../kit/clock.ts';
import type { CallRecord } from '../../ports/call-record.ts';
import { isFailure } from './failed-calls.ts';

/**
 * The largest number of traces recorded per second, whatever their ids: a client that chooses its ids must not control
 * the cost.
 */
export const sampledPerSecondMax = 100;

/**
 * The largest number of failed calls that are recorded per second beside those: an outage fails every call, and must
 * not cost more than the calls themselves. Metrics and the access log count all of them.
 */
export const failuresPerSecondMax = 100;

export type Sampler = {
  /**
   * Whether a call is recorded, by the last 56 bits of its trace's id (W3C Trace Context Level 2: those are random), so
   * that all of a trace's servers with the same ratio agree.
   */
  ofTrace(traceId: string): boolean;
  /** The same fraction of what has no id yet: every nth, so that no id has to be made for the others. */
  next(): boolean;
  /** Whether another one may be recorded in this second. */
  take(): boolean;
  /** Whether a call that has ended is recorded: it was chosen, or the server has failed it. */
  records(call: Pick<CallRecord, 'sampled' | 'code' | 'reason'>): boolean;
};

/** Decides what is recorded: a fraction, and a bound for all together. */
export function sampler(ratio: { readonly current: number }, clock: Clock): Sampler {
  /** Of one more to be recorded. */
  let share = 0;
  const take = atMostPerSecond(sampledPerSecondMax, clock);
  const takeFailure = atMostPerSecond(failuresPerSecondMax, clock);
  return {
    ofTrace: (traceId) => Number.parseInt(traceId.slice(-14), 16) < ratio.current * 2 ** 56 && take(),
    next: () => {
      share += ratio.current;
      if (share < 1) return false;
      share -= 1;
      return take();
    },
    take,
    records: (call) => call.sampled || (isFailure(call) && takeFailure()),
  };
}

/** @returns whether another one is within the bound of this second */
function atMostPerSecond(most: number, clock: Clock): () => boolean {
  let second = 0;
  let taken = 0;
  return () => {
    const now = Math.floor(clock.nowMs() / 1_000);
    if (now !== second) {
      second = now;
      taken = 0;
    }
    taken++;
    return taken <= most;
  };
}
