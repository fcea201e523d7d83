/** A value that is there at once where it can be (memory), so that the way of a cache hit costs no turn of the event loop, and a promise of it where it cannot. */
export type Soon<T> = T | Promise<T>;

/** Goes on with what `make` gives or throws, as `then` does with its two functions, and at once where it is there at once. */
export function settled<T, U>(make: () => Soon<T>, then: (value: T) => Soon<U>, failed: (error: unknown) => Soon<U>): Soon<U> {
  let soon: Soon<T>;
  try {
    soon = make();
  } catch (error) {
    return failed(error);
  }
  return soon instanceof Promise ? soon.then(then, failed) : then(soon);
}

/** Goes on with a value: at once where it is there. */
export function soonThen<T, U>(soon: Soon<T>, next: (value: T) => Soon<U>): Soon<U> {
  return soon instanceof Promise ? soon.then(next) : next(soon);
}
