/**
 * Runs a bounded number of tasks at once. Later ones wait for their turn, in order, until their signal is aborted.
 * @throws the reason of the signal, or what the limiter says when too many wait
 */
export type Limiter = <T>(work: () => Promise<T>, signal?: AbortSignal) => Promise<T>;

/** How many may wait, and the error for the next one. */
export type WaitingBound = { readonly waitingMax: number; readonly tooMany: () => Error };

export function openLimiter(atOnce: number, bound?: WaitingBound): Limiter {
  const waiting = new Set<() => void>();
  let running = 0;
  const turn = (signal: AbortSignal | undefined) =>
    new Promise<void>((resolve, reject) => {
      const mine = () => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      const leave = () => {
        waiting.delete(mine);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', leave, { once: true });
      waiting.add(mine);
    });
  return async (work, signal) => {
    signal?.throwIfAborted();
    if (running < atOnce) running++;
    else {
      if (bound !== undefined && waiting.size >= bound.waitingMax) throw bound.tooMany();
      await turn(signal);
    }
    try {
      signal?.throwIfAborted();
      return await work();
    } finally {
      const [next] = waiting;
      if (next === undefined) running--;
      else {
        waiting.delete(next);
        next(); // takes this one's place
      }
    }
  };
}
