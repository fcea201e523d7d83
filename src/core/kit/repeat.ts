import type { Clock } from './clock.ts';

/**
 * Runs work again and again, one run after the other.
 * @param firstMs until the first run
 * @param run returns the time until the next one, and never rejects; it may ask whether it was stopped meanwhile
 * @returns stops it: a run that is under way ends by itself
 */
export function repeat(clock: Clock, firstMs: number, run: (isStopped: () => boolean) => Promise<number>): () => void {
  let stopped = false;
  let cancel = () => {};
  const schedule = (afterMs: number) => {
    if (!stopped) cancel = clock.after(afterMs, () => void run(() => stopped).then(schedule));
  };
  schedule(firstMs);
  return () => {
    stopped = true;
    cancel();
  };
}
