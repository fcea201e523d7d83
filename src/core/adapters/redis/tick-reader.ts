/** Reads keys; the values in their order, and one more that belongs to them all. */
export type ReadKeys = (keys: readonly string[]) => Promise<readonly (Buffer | null)[]>;

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
 */
export function tickReader(read: ReadKeys, turn: () => Pick<Turn<unknown>, 'end'>): ReadKeys {
  let batch: { readonly places: Map<string, number>; readonly values: Promise<readonly (Buffer | null)[]> } | undefined;
  const begin = () => {
    const places = new Map<string, number>();
    const values = turn().end.then(() => {
      batch = undefined;
      return read([...places.keys()]);
    });
    batch = { places, values };
    return batch;
  };
  return async (keys) => {
    const { places, values } = batch ?? begin();
    const mine = keys.map((key) => {
      const known = places.get(key);
      if (known !== undefined) return known;
      const place = places.size;
      places.set(key, place);
      return place;
    });
    const all = await values;
    return [...mine.map((place) => all[place] ?? null), all.at(-1) ?? null];
  };
}
