/** A value that is there at once where it can be (memory), so that the way of a cache hit costs no turn of the event loop, and a promise of it where it cannot. */
export type Soon<T> = T | Promise<T>;
