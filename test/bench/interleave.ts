// Speeds of several servers from one interleaved run: what disturbs the machine disturbs all of them.
import { h2load, type Load } from './load.ts';
import type { Measured } from './process.ts';

export type Contestant = { readonly name: string; readonly server: Measured; readonly load: Load };
export type Speed = {
  readonly callsPerCpuSecond: number;
  readonly good: number;
  readonly calls: number;
  readonly cpuSeconds: number;
  readonly rounds: readonly number[];
};

/**
 * @param rounds how often each is measured, one after the other; the speed is the median of the rounds
 * @returns good calls per second of the server's CPU, by name
 */
export async function interleave(
  contestants: readonly Contestant[],
  { rounds, calls, loadCore }: { rounds: number; calls: number; loadCore: number },
): Promise<Record<string, Speed>> {
  const seen = new Map(contestants.map(({ name }) => [name, { good: 0, calls: 0, cpuSeconds: 0, rounds: [] as number[] }]));
  for (const { load } of contestants) await h2load(loadCore, calls, load); // warm-up: compiled code, filled caches
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, server, load } of contestants) {
      const before = server.cpuSeconds();
      const good = await h2load(loadCore, calls, load);
      const cpuSeconds = server.cpuSeconds() - before;
      const sum = seen.get(name);
      if (sum === undefined) continue;
      sum.good += good;
      sum.calls += calls;
      sum.cpuSeconds += cpuSeconds;
      sum.rounds.push(Math.round(good / cpuSeconds));
    }
  }
  return Object.fromEntries([...seen].map(([name, sum]) => [name, { callsPerCpuSecond: median(sum.rounds), ...sum }]));
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
