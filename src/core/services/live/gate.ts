/** Runs work, so much of it at once; what comes later waits for its turn, in order. Whoever gives up waits no more. */
export type Gate = <T>(work: () => Promise<T>, signal: AbortSignal) => Promise<T>;

export function openGate(most: number): Gate {
  const waiting = new Set<() => void>();
  let running = 0;
  /** @throws the reason of the signal */
  const turn = (signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      const mine = () => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = () => {
        waiting.delete(mine);
        reject(signal.reason);
      };
      signal.addEventListener('abort', leave, { once: true });
      waiting.add(mine);
    });
  return async (work, signal) => {
    signal.throwIfAborted();
    if (running >= most) await turn(signal);
    else running++;
    try {
      signal.throwIfAborted();
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
