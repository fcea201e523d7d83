/** Runs work, so much of it at once; what comes later waits for its turn, in order. */
export type Gate = <T>(work: () => Promise<T>, signal: AbortSignal) => Promise<T>;

export function openGate(most: number): Gate {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work, signal) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      signal.throwIfAborted();
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running--;
      else next(); // takes this one's place
    }
  };
}
