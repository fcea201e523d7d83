import type { Clock } from './clock.ts';

/**
 * Bounds the wait for an answer, where other work waits for the end of this wait. What is asked is not ended by it.
 * @throws what `late` makes, after `withinMs`
 */
export function inTime<T>(clock: Clock, withinMs: number, answer: Promise<T>, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(withinMs, () => reject(late()));
    answer.then(resolve, reject).finally(cancel);
  });
}
