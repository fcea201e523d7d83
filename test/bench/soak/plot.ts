import { svgOf } from '../../../src/cli/capacity/line-plot.ts';
import type { Sample } from './sample.ts';

const mib = 2 ** 20;

/** Memory, handles and streams, delay, errors and operations over time. */
export function plotOf(samples: readonly Sample[]): string {
  const line = (name: string, of: (sample: Sample) => number) => ({ name, points: samples.map((sample) => [sample.atSeconds, of(sample)] as const) });
  const rates = samples.slice(1).map((sample, i) => {
    const last = samples[i] as Sample;
    const seconds = sample.atSeconds - last.atSeconds;
    return { ...sample, operations: (sample.operations - last.operations) / seconds, cpuSeconds: (sample.cpuSeconds - last.cpuSeconds) / seconds };
  });
  const rate = (name: string, of: (sample: Sample) => number) => ({ name, points: rates.map((sample) => [sample.atSeconds, of(sample)] as const) });
  const x = 'seconds';
  return svgOf([
    {
      title: 'Memory after a collection',
      x,
      y: 'MiB',
      lines: [line('resident', ({ rssBytes }) => rssBytes / mib), line('heap', ({ heapBytes }) => heapBytes / mib)],
    },
    {
      title: 'Open files and streams',
      x,
      y: 'number',
      lines: [line('open files', ({ handles }) => handles), line('streams', ({ streams }) => streams)],
    },
    {
      title: 'Delay of the event loop',
      x,
      y: 'ms',
      lines: [line('p50', (sample) => 1_000 * sample.lagP50Seconds), line('p99', (sample) => 1_000 * sample.lagP99Seconds)],
    },
    { title: 'Operations', x, y: 'per second', lines: [rate('operations', ({ operations }) => operations)] },
    { title: 'CPU of the server', x, y: 'cores', lines: [rate('cores', ({ cpuSeconds }) => cpuSeconds)] },
    { title: 'Failed operations', x, y: 'so far', lines: [line('failed', ({ failures }) => failures)] },
  ]);
}
