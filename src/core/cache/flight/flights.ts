import type { Flight } from './flight.ts';

/**
 * The flights that may be joined: at most one for each key, and no more than there are calls and recomputations going
 * on.
 */
export type Flights<T> = {
  /** The next number of a count of events, which orders them. */
  count(): number;
  /** The flight of this key, unless it was sealed or cancelled, or is over. */
  find(key: string): Flight<T> | undefined;
  /** Lets others find it until it is over. */
  open(key: string, flight: Flight<T>): void;
  /**
   * Closes the flights whose policy has one of `tags`: later calls begin a new flight at once. This is for promptness
   * only. Calls that joined before, and calls of a flight whose late tag was raised, verify the answer afterwards
   * (join-then-verify.ts).
   */
  seal(tags: readonly string[]): void;
};

/** No flights yet. */
export function flights<T>(): Flights<T> {
  const joinable = new Map<string, Flight<T>>();
  let events = 0;
  return {
    count: () => ++events,
    find: (key) => {
      const flight = joinable.get(key);
      return flight?.signal.aborted === false ? flight : undefined;
    },
    open: (key, flight) => {
      joinable.set(key, flight);
      void flight.over.then(() => {
        if (joinable.get(key) === flight) joinable.delete(key);
      });
    },
    seal: (tags) => {
      for (const [key, flight] of joinable) if (flight.tags.some((tag) => tags.includes(tag))) joinable.delete(key);
    },
  };
}
