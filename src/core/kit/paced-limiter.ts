import type { Limiter } from './concurrency-limiter.ts';
import type { Pace } from './pace.ts';

/** Runs a bounded number of tasks at once, and begins them no faster than the event loop keeps up. */
export function pacedLimiter(limiter: Limiter, pace: Pace): Limiter {
  return (work, signal) =>
    limiter(async () => {
      await new Promise<void>((begin) => pace(begin));
      signal?.throwIfAborted();
      return work();
    }, signal);
}
