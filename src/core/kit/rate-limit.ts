/** A bounded number of steps in a second, for each key by itself. */
export type Rate = {
  /** @returns false when the key has not so many steps left: then none is taken */
  take(key: string, steps?: number): boolean;
  /** Gives back steps that were taken for nothing. */
  giveBack(key: string, steps: number): void;
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
    take: (key, steps = 1) => {
      const before = stepsOf(key);
      if (before < steps) return false;
      left.delete(key);
      left.set(key, { steps: before - steps, atMs: nowMs() });
      for (const oldest of left.keys()) {
        if (stepsOf(oldest) < burst) break;
        left.delete(oldest);
      }
      return true;
    },
    giveBack: (key, steps) => {
      if (left.has(key)) left.set(key, { steps: Math.min(burst, stepsOf(key) + steps), atMs: nowMs() });
    },
  };
}
