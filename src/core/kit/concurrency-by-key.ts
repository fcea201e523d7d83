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
