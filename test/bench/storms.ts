// Whether unary calls go on while many clients return at once, and while much is invalidated at once:
// docs/reference/benchmarks.md says what each figure means.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Probed } from '../live/crowd/probe-main.ts';
import { type Cores, openHarness } from './harness.ts';
import { quantile, rounded } from './interleave.ts';
import type { Result } from './result.ts';
import type { Opened } from './storms/clients.ts';
import { bareOf, type Contestant, porticoOf } from './storms/contestants.ts';

const eventsWhileAway = 20;
const quietMs = 5_000;
/** After a storm, before the next window: what it has left, such as garbage, is over. Milliseconds. */
const settleMs = 2_000;

/** The time to live of the watched answers is 10 s, varied by a tenth. Milliseconds. */
const freshLeastMs = 9_000;

const phases = ['quiet', 'return', 'invalidation'] as const;
type Phase = (typeof phases)[number];
type Seen = Record<Phase, (Probed & { readonly seconds: number; readonly cpuSeconds: number })[]>;

export async function storms({ quick, cores }: { readonly quick: boolean; readonly cores: Cores }): Promise<Result> {
  const clients = quick ? 40 : 2_000;
  const orders = clients / 2;
  const rounds = quick ? 1 : 5;
  await using harness = await openHarness(cores);
  await using open = new AsyncDisposableStack();
  const parts = { harness, cores, open, clients, orders };
  const runs = { portico: await begin(await porticoOf(parts)), bare: await begin(await bareOf(parts)) };
  for (let round = -1; round < rounds; round++) {
    for (const run of Object.values(runs)) await stormOnce(run, { round, quietMs: quick ? 500 : quietMs });
    if (round >= 0) console.error(`  round ${round + 1} of ${rounds}`);
  }
  const all = ({ seen }: Run, phase: Phase) => seen[phase].flatMap((one) => one.all);
  const p99 = (run: Run, phase: Phase) => quantile(all(run, phase), 0.99);
  const failed = Object.values(runs.portico.seen).flatMap((windows) => windows.flatMap((one) => one.failed));
  const show = (name: string, run: Run, phase: Phase) => {
    const took = all(run, phase);
    const at = (part: number) => quantile(took, part).toFixed(1).padStart(8);
    const mean = (of: (one: { seconds: number; cpuSeconds: number }) => number) =>
      (run.seen[phase].reduce((total, one) => total + of(one), 0) / rounds).toFixed(2).padStart(8);
    return `${`${name} ${phase}`.padEnd(21)}${String(took.length).padStart(7)}${at(0.5)}${at(0.99)}${at(1)}${mean(({ seconds }) => seconds)}${mean(({ cpuSeconds }) => cpuSeconds)}`;
  };
  const { portico, bare } = runs;
  return {
    bench: 'storms',
    ratios: {
      unary_p99_vs_quiet_return: rounded(p99(portico, 'return') / p99(portico, 'quiet')),
      unary_p99_vs_quiet_invalidation: rounded(p99(portico, 'invalidation') / p99(portico, 'quiet')),
      unary_p99_vs_bare_return: rounded(p99(portico, 'return') / p99(bare, 'return')),
      unary_p99_vs_bare_invalidation: rounded(p99(portico, 'invalidation') / p99(bare, 'invalidation')),
      bare_p99_vs_quiet_return: rounded(p99(bare, 'return') / p99(bare, 'quiet')),
      bare_p99_vs_quiet_invalidation: rounded(p99(bare, 'invalidation') / p99(bare, 'quiet')),
      unary_failed: failed.length,
      computes_per_tag: rounded(Math.max(...portico.counts.map(({ computes, expiries }) => computes / (1 + expiries))) / orders),
    },
    promises: {
      unary_p99_vs_quiet_return: { most: 2 },
      unary_p99_vs_quiet_invalidation: { most: 2 },
      unary_failed: { most: 0 },
      computes_per_tag: { most: 1.05 },
    },
    said: [
      `${clients} clients return, ${orders} tags are invalidated; ${rounds} rounds. Unary calls in milliseconds, and a storm in seconds:`,
      '                       calls     p50     p99     max seconds     cpu',
      ...Object.entries(runs).flatMap(([name, run]) => phases.map((phase) => show(name, run, phase))),
    ],
    raw: {
      counts: portico.counts,
      failed: failed.slice(0, 20),
      phases: Object.fromEntries(Object.entries(runs).map(([name, { seen }]) => [name, withoutTimes(seen)])),
    },
  };
}

/** A server with its clients, and what was measured of it. */
type Run = {
  readonly contestant: Contestant;
  readonly seen: Seen;
  /** `expiries`: how often each answer may have ended by its time meanwhile. */
  readonly counts: (Opened & { readonly computes: number; readonly expiries: number })[];
  offset: number;
  content: string;
};

async function begin(contestant: Contestant): Promise<Run> {
  const run = { contestant, seen: { quiet: [], return: [], invalidation: [] }, counts: [], offset: 0, content: 'first' };
  await contestant.crowd.open({ name: 'all are live', offset: 0, content: run.content });
  return run;
}

/** The three phases. Those of a round below 0 only warm up. */
async function stormOnce(run: Run, { round, quietMs }: { readonly round: number; readonly quietMs: number }): Promise<void> {
  const { contestant, seen, counts } = run;
  const { server, crowd, probe } = contestant;
  const during = async <T>(phase: Phase, work: () => Promise<T>): Promise<{ readonly result: T; readonly computes: number }> => {
    await sleep(settleMs);
    const before = await contestant.computes();
    await probe.probed();
    const [beganMs, cpu] = [performance.now(), server.cpuSeconds()];
    const result = await work();
    const [seconds, cpuSeconds] = [(performance.now() - beganMs) / 1_000, server.cpuSeconds() - cpu];
    const one = { ...(await probe.probed()), seconds, cpuSeconds };
    if (round >= 0) seen[phase].push(one);
    return { result, computes: (await contestant.computes()) - before };
  };
  await during('quiet', () => sleep(quietMs));
  await crowd.cut();
  await contestant.publish(eventsWhileAway);
  run.offset += eventsWhileAway;
  const { result: opened } = await during('return', () => crowd.open({ name: `return ${round}`, offset: run.offset, content: run.content }));
  const refreshedMs = performance.now();
  await contestant.refresh();
  run.content = `content ${round}`;
  await contestant.change(run.content);
  const { computes } = await during('invalidation', async () => {
    await Promise.all([crowd.have({ name: run.content, offset: run.offset, content: run.content }), contestant.invalidate(run.content)]);
  });
  counts.push({ ...opened, computes, expiries: Math.floor((performance.now() - refreshedMs) / freshLeastMs) });
}

function withoutTimes(seen: Seen) {
  return Object.fromEntries(
    Object.entries(seen).map(([phase, windows]) => [
      phase,
      windows.map(({ calls, p50Ms, p99Ms, seconds, cpuSeconds }) => ({ calls, p50Ms, p99Ms, seconds, cpuSeconds })),
    ]),
  );
}
