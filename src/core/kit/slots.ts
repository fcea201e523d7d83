/** Things kept for a short while, each in a slot with a number. */
export type Slots<T> = {
  /** @returns the slot's number: a whole one from 0, perhaps that of something gone before */
  put(thing: T): number;
  get(slot: number): T | undefined;
  /** Empties the slot, unless it holds something else by now. */
  drop(slot: number, thing: T): void;
  /** In no order. */
  all(): readonly T[];
};

/**
 * For what comes and goes with every call. Not a Map: V8 gives a Map a new table whenever the old one is full of deleted entries, and a table that a collection of young objects
 * happened to move into the old space keeps all tables that came after it, with all that ever was in them, until the next full collection: the whole calls.
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
