/** Reads what keys have; the values in their order, and one more that belongs to them all. */
export type ReadKeys = (keys: readonly string[]) => Promise<readonly (Buffer | null)[]>;

/** What is read together. */
export type Batch = {
  /** Adds a key, once. @returns the place of its value */
  place(key: string): number;
  /** The values by place, then the one that belongs to them all. */
  readonly values: Promise<readonly (Buffer | null)[]>;
};

/** A turn of the event loop. What is asked for in it is asked before its end, and read after it. */
export type Turn<T> = {
  /** Resolves when the input of the turn has been processed. */
  readonly end: Promise<void>;
  /** What was asked for in this turn. */
  readonly asked: T;
};

/** @returns the turn that now is */
export function turnsOfLoop<T>(empty: () => T): () => Turn<T> {
  let turn: Turn<T> | undefined;
  const begin = () => {
    const end = new Promise<void>((resolve) => {
      setImmediate(() => {
        turn = undefined;
        resolve();
      });
    });
    return { end, asked: empty() };
  };
  return () => {
    turn ??= begin();
    return turn;
  };
}

/**
 * One read for all requests within one turn of the event loop, each key once. It is sent at the turn's end, so every
 * value is read after its request.
 * @returns the batch of the turn that now is
 */
export function batchedReads(read: ReadKeys, turn: () => Pick<Turn<unknown>, 'end'>): () => Batch {
  let batch: Batch | undefined;
  const begin = (): Batch => {
    const places = new Map<string, number>();
    return {
      place: (key) => {
        const known = places.get(key);
        if (known !== undefined) return known;
        places.set(key, places.size);
        return places.size - 1;
      },
      values: turn().end.then(() => {
        batch = undefined;
        return read([...places.keys()]);
      }),
    };
  };
  return () => {
    batch ??= begin();
    return batch;
  };
}
