// Does something grow? A line through the second half of the samples says so, which is what comes after the warm-up: if
// it rises by more than chance and more than the bound, and if the end is above the quarter before that half, too. What
// goes up and down within minutes rises in many a half, and what leaks is never as low again.
import type { Sample } from './sample.ts';

/**
 * How much each may rise within the second half, against its mean. 5 % of memory in ten minutes are a few hundred bytes
 * for an operation at the rates of the load, which is the least that a leak of an object for each would take; it is also
 * the bound of `rss_growth` of the benchmarks. Handles and streams are those of connections, which are as many all the
 * time; some are just being replaced. The delay of the event loop varies with each collection, so only a rise by half
 * is more than that.
 */
const risesMost = { heapBytes: 0.05, rssBytes: 0.05, handles: 0.05, streams: 0.05, lagP50Seconds: 0.5, lagP99Seconds: 0.5 } as const;
type Measure = keyof typeof risesMost;
/** How many standard errors a slope must be above zero: chance does that once in a thousand. */
const certain = 3.1;
/** Of a shorter second half little can be said: code is still being compiled, and pools fill. Seconds. */
const judgedSeconds = 60;
/** Delays below that are of the clock and of other processes. Seconds. */
const lagNoticed = 0.005;

export type Growth = {
  readonly mean: number;
  /** In a second. */
  readonly slope: number;
  /** Of its standard errors. */
  readonly certainty: number;
  /** Of the whole second half, against the mean. */
  readonly rise: number;
  readonly grows: boolean;
};
export type Verdict = {
  readonly ok: boolean;
  /** False: it was too short to say whether something grows. */
  readonly judged: boolean;
  readonly growth: Readonly<Record<Measure, Growth>>;
  readonly failures: number;
  /** What is wrong, for people. */
  readonly said: readonly string[];
};

export function verdictOf(samples: readonly Sample[]): Verdict {
  const seconds = secondsOf(secondHalf(samples));
  const judged = seconds >= judgedSeconds;
  const growth = Object.fromEntries(Object.keys(risesMost).map((name) => [name, growthOf(samples, name as Measure, judged)])) as Record<
    Measure,
    Growth
  >;
  const failures = samples.at(-1)?.failures ?? 0;
  const said = Object.entries(growth).flatMap(([name, { grows, rise, mean }]) =>
    grows ? [`${name} grows: by ${(100 * rise).toFixed(1)} % of ${Number(mean.toPrecision(3))} within ${Math.round(seconds)} s`] : [],
  );
  if (failures > 0) said.push(`${failures} operations failed`);
  return { ok: said.length === 0, judged, growth, failures, said };
}

function growthOf(all: readonly Sample[], name: Measure, judged: boolean): Growth {
  const samples = secondHalf(all);
  const { mean, slope, error } = lineThrough(samples.map((sample) => [sample.atSeconds, sample[name]]));
  const seconds = secondsOf(samples);
  const rise = mean === 0 ? 0 : (slope * seconds) / mean;
  const certainty = slope <= 0 ? 0 : slope / Math.max(error, Number.MIN_VALUE);
  const isNoticed = !name.startsWith('lag') || mean >= lagNoticed;
  const isAboveBefore = quarterOf(all, name, 3) - quarterOf(all, name, 1) > (risesMost[name] / 2) * mean;
  return { mean, slope, certainty, rise, grows: judged && isNoticed && rise > risesMost[name] && certainty > certain && isAboveBefore };
}

const secondHalf = (samples: readonly Sample[]) => samples.slice(Math.floor(samples.length / 2));
const secondsOf = (samples: readonly Sample[]) => (samples.at(-1)?.atSeconds ?? 0) - (samples[0]?.atSeconds ?? 0);

/** The mean of a quarter of all samples, from 0 to 3. */
function quarterOf(all: readonly Sample[], name: Measure, quarter: number): number {
  const part = all.slice(Math.floor((quarter * all.length) / 4), Math.floor(((quarter + 1) * all.length) / 4));
  return part.reduce((sum, sample) => sum + sample[name], 0) / Math.max(1, part.length);
}

/** Least squares. @returns also the standard error of the slope */
export function lineThrough(points: readonly (readonly [x: number, y: number])[]): { mean: number; slope: number; error: number } {
  const n = points.length;
  const [meanX, mean] = [0, 1].map((at) => points.reduce((sum, point) => sum + (point[at] ?? 0), 0) / n) as [number, number];
  const squares = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  if (n < 3 || squares === 0) return { mean, slope: 0, error: Number.POSITIVE_INFINITY };
  const slope = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - mean), 0) / squares;
  const left = points.reduce((sum, [x, y]) => sum + (y - mean - slope * (x - meanX)) ** 2, 0);
  return { mean, slope, error: Math.sqrt(left / (n - 2) / squares) };
}
