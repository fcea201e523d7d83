import type { Clock } from '../../../kit/clock.ts';

/** A command was not answered in time. It may have been executed. */
export class NoAnswer extends Error {
  constructor(withinMs: number) {
    super(`no answer within ${withinMs} ms`);
    this.name = 'NoAnswer';
  }
}

type Waiting = { readonly sinceMs: number; readonly reject: (error: NoAnswer) => void };

/**
 * Bounds the wait for answers of one connection, with one timer for all of them. A blocked event loop reads the answers
 * from the socket before it decides: a busy process must not take a fast server for a slow one.
 */
export function answersWithin(withinMs: number, clock: Clock): <T>(answer: Promise<T>) => Promise<T> {
  const waiting = new Set<Waiting>(); // in the order of their start
  let armed = false;
  const arm = (delayMs: number) => {
    armed = true;
    clock.after(delayMs, () => setImmediate(rejectLate)); // between a timer and an immediate the loop reads its sockets (Node, "The event loop")
  };
  const rejectLate = () => {
    armed = false;
    const nowMs = clock.monotonicMs();
    for (const one of waiting) {
      const leftMs = one.sinceMs + withinMs - nowMs;
      if (leftMs > 0) return arm(leftMs);
      waiting.delete(one);
      one.reject(new NoAnswer(withinMs));
    }
  };
  return (answer) =>
    new Promise((resolve, reject) => {
      const one: Waiting = { sinceMs: clock.monotonicMs(), reject };
      waiting.add(one);
      if (!armed) arm(withinMs);
      answer.then(
        (value) => {
          waiting.delete(one);
          resolve(value);
        },
        (error: unknown) => {
          waiting.delete(one);
          reject(error);
        },
      );
    });
}
