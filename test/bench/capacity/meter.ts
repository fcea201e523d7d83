// CPU time of a server, its Redis and its PostgreSQL, for each of many equal things that were done.
import { postgresCpuSeconds } from '../chat/postgres-cpu.ts';
import { quantile } from '../interleave.ts';
import { cpuSecondsOf, type Measured } from '../process.ts';

/** Microseconds of CPU. */
export type Micros = { readonly server: number; readonly redis: number; readonly postgres: number };

export type Meter = {
  /** @param work does so many of what is measured @returns the medians of some rounds, after one that warms up */
  costOf(times: number, work: () => Promise<unknown>): Promise<Micros>;
};

export function openMeter(
  server: Pick<Measured, 'cpuSeconds'>,
  { redis, postgres, rounds }: { readonly redis: number; readonly postgres: number; readonly rounds: number },
): Meter {
  const used = () => ({ server: server.cpuSeconds(), redis: cpuSecondsOf(redis), postgres: postgresCpuSeconds(postgres) });
  return {
    costOf: async (times, work) => {
      const seen: Micros[] = [];
      for (let round = -1; round < rounds; round++) {
        const before = used();
        await work();
        const after = used();
        const micros = (of: keyof Micros) => (1e6 * (after[of] - before[of])) / times;
        if (round >= 0) seen.push({ server: micros('server'), redis: micros('redis'), postgres: micros('postgres') });
      }
      const median = (of: keyof Micros) =>
        quantile(
          seen.map((one) => one[of]),
          0.5,
        );
      return { server: median('server'), redis: median('redis'), postgres: median('postgres') };
    },
  };
}
