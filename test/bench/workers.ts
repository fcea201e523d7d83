// What a second worker adds on two cores: docs/reference/benchmarks.md says how the load's own CPU is accounted for.
import { join } from 'node:path';
import { sharedRedis } from '../support/redis/redis.ts';
import { type Cores, type Harness, openHarness, type Replica } from './harness.ts';
import { callsOf } from './home-calls.ts';
import { quantile, rounded } from './interleave.ts';
import { frameOf, h2load, type Load, needH2load, written } from './load.ts';
import type { Result } from './result.ts';
import { cpuSecondsOfAll, idleSeconds, mainThreadSeconds, processTree } from './workers/processor-time.ts';
import { type Run, throughputOfOne, throughputOfTwo } from './workers/throughput.ts';

/** 16 streams each: both workers have as much to do at a time as one server of the other benchmarks. */
const connections = 16;
/** The nanoseconds of `made_at` take up to six bytes, or none. */
const madeAtBytes = 6;

export async function workers({ quick, cores }: { readonly quick: boolean; readonly cores: Cores }): Promise<Result> {
  needH2load();
  await using harness = await openHarness(cores);
  const both = [cores.load, cores.server];
  const redis = await sharedRedis();
  const replicaOf = (count: number) => harness.replica({ redis, workers: count }, undefined, both.join());
  const one = await replicaOf(1);
  const two = await replicaOf(2);
  const rounds = quick ? 2 : 15;
  const calls = quick ? 2_000 : 16_000;
  const runOne = await runsOf(harness, one, { calls, both });
  const runTwo = await runsOf(harness, two, { calls, both });
  const seen: { readonly one: Run; readonly two: Run }[] = [];
  for (let round = -2; round < rounds; round++) {
    const both = { one: await runOne(), two: await runTwo() };
    if (round < 0) continue; // compiled code, filled caches
    seen.push(both);
    console.error(`  round ${round + 1} of ${rounds}`);
  }
  const ratios = seen.map((round) => throughputOfTwo(round.two) / throughputOfOne(round.one));
  const walls = seen.map((round) => round.one.wallSeconds / round.two.wallSeconds);
  const perCall = (of: 'one' | 'two') =>
    quantile(
      seen.map((round) => (1e6 * round[of].serverCpuSeconds) / round[of].calls),
      0.5,
    );
  const wrong = seen.flatMap(({ one, two }) => [one, two]).reduce((sum, run) => sum + calls - run.calls, 0);
  const median = (values: readonly number[]) => Math.round(quantile(values, 0.5));
  return {
    bench: 'workers',
    ratios: {
      two_vs_one: rounded(quantile(ratios, 0.5)),
      wall_two_vs_one: rounded(quantile(walls, 0.5)),
      cpu_two_vs_one: rounded(perCall('two') / perCall('one')),
    },
    promises: { two_vs_one: { least: 1.6 } },
    said: [
      `${rounds} rounds of ${calls} cached calls. Calls per second, the load's own CPU not counted:`,
      `one worker   ${median(seen.map((round) => throughputOfOne(round.one)))}`,
      `two workers  ${median(seen.map((round) => throughputOfTwo(round.two)))}`,
      ...(wrong === 0 ? [] : [`WRONG: ${wrong} calls were not good.`]),
    ],
    raw: { wrong, rounds: seen, quartiles: [rounded(quantile(ratios, 0.25)), rounded(quantile(ratios, 0.75))] },
  };
}

/** @returns one run of cached calls at a server */
async function runsOf(harness: Harness, { pid, port }: Replica, { calls, both }: { readonly calls: number; readonly both: readonly number[] }) {
  const { path, headers, body, check } = callsOf(harness, await harness.token('alice')).cached;
  const answer = await check(port);
  const load: Load = {
    url: `https://localhost:${port}${path}`,
    headers,
    connections,
    bodyFile: written(join(harness.folder, 'workers.body'), body),
    answerBytes: frameOf(answer).length - madeAtBytes,
  };
  const pids = processTree(pid);
  const measured = () => ({
    wall: performance.now() / 1_000,
    cpu: cpuSecondsOfAll(pids),
    idle: idleSeconds(both),
    main: mainThreadSeconds(pid),
  });
  return async (): Promise<Run> => {
    const before = measured();
    const good = await h2load(both.join(), calls, load);
    const after = measured();
    return {
      calls: good,
      wallSeconds: after.wall - before.wall,
      serverCpuSeconds: after.cpu - before.cpu,
      idleSeconds: after.idle - before.idle,
      mainThreadSeconds: after.main - before.main,
    };
  };
}
