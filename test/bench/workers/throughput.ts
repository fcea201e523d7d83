/** What a run of calls took. Seconds. */
export type Run = {
  /** Good ones. */
  readonly calls: number;
  readonly wallSeconds: number;
  /** Of all processes of the server, all threads. */
  readonly serverCpuSeconds: number;
  /** Of both cores. */
  readonly idleSeconds: number;
  /** CPU time of the main thread of the one worker, which answers. */
  readonly mainThreadSeconds: number;
};

/**
 * Calls per second of one worker whose thread that answers is busy all the time, and never waits for a core. Its helper
 * threads, Redis and the load have the other core. This is the most that it can do, so the second worker is not
 * flattered.
 */
export function throughputOfOne({ calls, mainThreadSeconds }: Run): number {
  return calls / mainThreadSeconds;
}

/**
 * Calls per second of two workers, had the server both cores for itself. It got the time of the cores that it used, and
 * could have had the time in which they were idle; load, Redis and whatever else ran had the rest. The time of the
 * primary process and of all helper threads counts as the server's, and idle time counts against it.
 */
export function throughputOfTwo({ calls, serverCpuSeconds, idleSeconds }: Run): number {
  return (2 * calls) / (serverCpuSeconds + idleSeconds);
}
