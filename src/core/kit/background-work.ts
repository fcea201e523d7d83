import type { Clock } from './clock.ts';

/** One run: it may ask whether it was stopped meanwhile. @returns milliseconds until the next one */
export type Run = (isStopped: () => boolean) => Promise<number>;

/**
 * Runs work again and again, one run after the other.
 * @param firstMs until the first run
 * @param run never rejects: `tryAgain` makes it so
 * @returns stops it: a run that is under way ends by itself
 */
export function repeat(clock: Clock, firstMs: number, run: Run): () => void {
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

/** A run that never rejects: `warn` receives its failure, unless it was stopped, and it is repeated after `againMs`. */
export function tryAgain(againMs: number, warn: (error: unknown) => void, run: Run): Run {
  return async (isStopped) => {
    try {
      return await run(isStopped);
    } catch (error) {
      if (!isStopped()) warn(error);
      return againMs;
    }
  };
}

/**
 * Begins work once what it needs has opened. Where that fails nothing begins: whoever opens it says so.
 * @param begin returns what stops the work
 * @returns stops it, also before it has begun
 */
export function beginWhen(opened: Promise<void>, begin: () => () => void): () => void {
  let stop = () => {};
  let stopped = false;
  opened.then(
    () => {
      if (!stopped) stop = begin();
    },
    () => {},
  );
  return () => {
    stopped = true;
    stop();
  };
}
