import type { Soon } from '../ports/soon.ts';

/** Goes on with a value: at once where it is there, so that a hit in memory costs no turn of the event loop. */
export function soonThen<T, U>(soon: Soon<T>, next: (value: T) => Soon<U>): Soon<U> {
  return soon instanceof Promise ? soon.then(next) : next(soon);
}
