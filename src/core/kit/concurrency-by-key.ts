/** How many places are taken, by key. A key without any leaves nothing behind. */
export type Places = {
  taken(key: string): number;
  /** @returns gives the places back, to be called once */
  take(key: string, count?: number): () => void;
};

export function openPlaces(): Places {
  const counts = new Map<string, number>();
  const taken = (key: string) => counts.get(key) ?? 0;
  return {
    taken,
    take: (key, count = 1) => {
      counts.set(key, taken(key) + count);
      return () => {
        const left = taken(key) - count;
        if (left === 0) counts.delete(key);
        else counts.set(key, left);
      };
    },
  };
}

/**
 * A bounded number of places. A key takes some only while as many are free as it has then: so one has at most half of
 * them, and others always find some.
 * @returns takes places: gives them back, to be called once; undefined: too few are free for this key
 */
export function openFairPlaces(most: number): (key: string, count?: number) => (() => void) | undefined {
  const places = openPlaces();
  let free = most;
  return (key, count = 1) => {
    if (places.taken(key) + count > free) return undefined;
    free -= count;
    const giveBack = places.take(key, count);
    return () => {
      free += count;
      giveBack();
    };
  };
}
