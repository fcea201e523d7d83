import type { Clock } from '../../kit/clock.ts';

/**
 * The largest number of traces recorded per second, whatever their ids: a client that chooses its ids must not control
 * the cost.
 */
export const sampledPerSecondMax = 100;

/**
 * Records a fraction of all traces by the last 56 bits of their id (W3C Trace Context Level 2: those are random), so
 * that all of a trace's servers with the same ratio agree.
 */
export function sampler(ratio: { readonly current: number }, clock: Clock): (traceId: string) => boolean {
  let second = 0;
  let taken = 0;
  return (traceId) => {
    if (Number.parseInt(traceId.slice(-14), 16) >= ratio.current * 2 ** 56) return false;
    const now = Math.floor(clock.nowMs() / 1_000);
    if (now !== second) {
      second = now;
      taken = 0;
    }
    taken++;
    return taken <= sampledPerSecondMax;
  };
}
