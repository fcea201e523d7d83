/** A bounded number of steps in a second, for each key by itself. */
export type Rate = {
  /** @returns false when the key has no step left */
  take(key: string): boolean;
};

/** Steps in a second, and how many at once. */
export type RateLimit = { readonly perSecond: number; readonly burst: number };

/** The same without keys. @returns false when no step is left */
export function openBucket(limit: RateLimit, nowMs: () => number): () => boolean {
  const { take } = openRate(limit, nowMs);
  return () => take('');
}

export function openRate({ perSecond, burst }: RateLimit, nowMs: () => number): Rate {
  /** Those that are not full, the longest unused first. */
  const left = new Map<string, { readonly steps: number; readonly atMs: number }>();
  const stepsOf = (key: string) => {
    const { steps, atMs } = left.get(key) ?? { steps: burst, atMs: 0 };
    return Math.min(burst, steps + ((nowMs() - atMs) / 1_000) * perSecond);
  };
  return {
    take: (key) => {
      const steps = stepsOf(key);
      if (steps < 1) return false;
      left.delete(key);
      left.set(key, { steps: steps - 1, atMs: nowMs() });
      for (const oldest of left.keys()) {
        if (stepsOf(oldest) < burst) break;
        left.delete(oldest);
      }
      return true;
    },
  };
}
