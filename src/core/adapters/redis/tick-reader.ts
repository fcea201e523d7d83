/** Reads keys; the values in their order, and one more that belongs to them all. */
export type ReadKeys = (keys: readonly string[]) => Promise<readonly (Buffer | null)[]>;

/**
 * One read for all requests within one turn of the event loop, each key once. It is sent after the input of the turn
 * was processed, so every value is read after its request.
 */
export function tickReader(read: ReadKeys): ReadKeys {
  let batch: { readonly places: Map<string, number>; readonly values: Promise<readonly (Buffer | null)[]> } | undefined;
  const begin = () => {
    const places = new Map<string, number>();
    const values = new Promise<void>((send) => setImmediate(send)).then(() => {
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
