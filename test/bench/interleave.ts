// Speeds of several servers from one interleaved run: what disturbs the machine disturbs all of them.
import { h2load, type Load } from './load.ts';
import type { Measured } from './process.ts';

export type Contestant = {
  readonly name: string;
  readonly server: Pick<Measured, 'cpuSeconds'>;
  readonly load: Load;
  /** Calls in a round. */
  readonly calls: number;
};

export type Speed = {
  /** Good calls per second of the server's CPU: the median of the rounds. */
  readonly callsPerCpuSecond: number;
  readonly good: number;
  readonly calls: number;
  readonly cpuSeconds: number;
  readonly rounds: readonly number[];
};

/** One speed divided by another, round by round, so that both have met the same machine. */
export type Ratio = {
  readonly median: number /** The middle half of the rounds lies between them. */;
  readonly quartiles: readonly [number, number];
};

/** What one contestant has done in a round. */
export type Done = { readonly good: number; readonly calls: number; readonly cpuSeconds: number };

/**
 * Measures each contestant once a round, one after the other.
 * @param warmUps rounds before them that do not count: compiled code, filled caches
 */
export async function inRounds<C extends { readonly name: string }>(
  contestants: readonly C[],
  { rounds, warmUps = 2 }: { readonly rounds: number; readonly warmUps?: number },
  run: (contestant: C) => Promise<Done>,
): Promise<Readonly<Record<string, Speed>>> {
  const seen = contestants.map((contestant) => ({ contestant, good: 0, calls: 0, cpuSeconds: 0, rounds: [] as number[] }));
  for (let round = 1 - warmUps; round <= rounds; round++) {
    for (const sum of seen) {
      const { good, calls, cpuSeconds } = await run(sum.contestant);
      if (round < 1) continue;
      sum.good += good;
      sum.calls += calls;
      sum.cpuSeconds += cpuSeconds;
      sum.rounds.push(rounded(good / cpuSeconds));
    }
    if (round >= 1) console.error(`  round ${round} of ${rounds}`);
  }
  return Object.fromEntries(seen.map(({ contestant, ...sum }) => [contestant.name, { callsPerCpuSecond: quantile(sum.rounds, 0.5), ...sum }]));
}

/** Speeds of servers under the calls of h2load. */
export function interleave(
  contestants: readonly Contestant[],
  { rounds, loadCore }: { readonly rounds: number; readonly loadCore: number },
): Promise<Readonly<Record<string, Speed>>> {
  return inRounds(contestants, { rounds }, async ({ server, load, calls }) => {
    const before = server.cpuSeconds();
    const good = await h2load(loadCore, calls, load);
    return { good, calls, cpuSeconds: server.cpuSeconds() - before };
  });
}

export function ratioOf(above: Speed | undefined, below: Speed | undefined): Ratio {
  const ratios = (above?.rounds ?? []).map((speed, round) => speed / (below?.rounds[round] ?? Number.NaN));
  return { median: rounded(quantile(ratios, 0.5)), quartiles: [rounded(quantile(ratios, 0.25)), rounded(quantile(ratios, 0.75))] };
}

export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * part;
  const [low = Number.NaN, high = Number.NaN] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return low + (high - low) * (at - Math.floor(at));
}

export const rounded = (value: number) => Math.round(value * 1_000) / 1_000;
