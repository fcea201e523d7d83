import type { Clock } from './clock.ts';

/**
 * Waits until `start` calls back, or until the signal is aborted: it never rejects.
 * @param start returns what takes its callback off, if anything does
 */
export function untilCalled(signal: AbortSignal, start: (callback: () => void) => (() => void) | undefined): Promise<void> {
  return new Promise((resolve) => {
    let stop: (() => void) | undefined;
    const done = () => {
      signal.removeEventListener('abort', done);
      stop?.();
      resolve();
    };
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', done, { once: true });
    stop = start(done);
  });
}

/** Waits for a time, or until the signal is aborted. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return untilCalled(signal, (callback) => clock.after(ms, callback));
}
