/**
 * A value, or a promise of it. A value that is available at once (in memory) needs no promise, so that a cache hit
 * costs no turn of the event loop.
 */
export type Soon<T> = T | Promise<T>;

/**
 * Continues with the result or the error of `make`, like `then` with two functions, and synchronously if the result is
 * available at once.
 */
export function settled<T, U>(make: () => Soon<T>, then: (value: T) => Soon<U>, failed: (error: unknown) => Soon<U>): Soon<U> {
  let soon: Soon<T>;
  try {
    soon = make();
  } catch (error) {
    return failed(error);
  }
  return soon instanceof Promise ? soon.then(then, failed) : then(soon);
}

/** Continues with a value, synchronously if it is available. */
export function soonThen<T, U>(soon: Soon<T>, next: (value: T) => Soon<U>): Soon<U> {
  return soon instanceof Promise ? soon.then(next) : next(soon);
}
