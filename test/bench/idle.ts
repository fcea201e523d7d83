// What a server costs while nobody calls: `serve` with PostgreSQL and without Redis, ready and settled.
import { type Cores, openHarness } from './harness.ts';
import { rounded } from './interleave.ts';
import type { Result } from './result.ts';

/** What starting leaves to do, such as a garbage collection, is over by then. Milliseconds. */
const settleMs = 10_000;

export async function idle({ quick, cores }: { readonly quick: boolean; readonly cores: Cores }): Promise<Result> {
  await using harness = await openHarness(cores);
  const { portico } = harness;
  const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  await wait(quick ? 1_000 : settleMs);
  const [beganS, beganMs] = [portico.cpuSeconds(), performance.now()];
  await wait(quick ? 5_000 : 60_000);
  const seconds = (performance.now() - beganMs) / 1_000;
  const cpuMs = (portico.cpuSeconds() - beganS) * 1_000;
  return {
    bench: 'idle',
    ratios: { idle_cpu_ms_per_second: rounded(cpuMs / seconds) },
    promises: { idle_cpu_ms_per_second: { most: 2 } },
    said: ['CPU time of an idle server, of all its threads. Each second it reads from SQL which sessions ended elsewhere.'],
    raw: { seconds, cpuMs },
  };
}
