/** Values that are stored for a short time, each in a numbered slot. */
export type Slots<T> = {
  /** @returns the slot's number: a whole number from 0, which may have been used before */
  put(thing: T): number;
  get(slot: number): T | undefined;
  /** Empties the slot, unless it holds another value by now. */
  drop(slot: number, thing: T): void;
  /** The values, in no order. */
  all(): readonly T[];
};

/**
 * Storage for the state of each call. A Map would retain memory: V8 allocates a new table whenever the old one is full
 * of deleted entries. A table that a collection of young objects promoted to the old space then retains all later
 * tables with all their content, including whole calls, until the next full collection.
 */
export function slots<T>(): Slots<T> {
  const things: (T | undefined)[] = [];
  const free: number[] = [];
  return {
    put: (thing) => {
      const slot = free.pop() ?? things.length;
      things[slot] = thing;
      return slot;
    },
    get: (slot) => things[slot],
    drop: (slot, thing) => {
      if (things[slot] !== thing) return;
      things[slot] = undefined;
      free.push(slot);
    },
    all: () => things.filter((thing) => thing !== undefined),
  };
}
