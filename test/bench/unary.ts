// What one unary call costs the server, against bare servers that do less: docs/reference/benchmarks.md says what each ratio means.
import { join, resolve } from 'node:path';
import { growth, rssAfter } from './growth.ts';
import { type Cores, type Harness, openHarness } from './harness.ts';
import { callsOf, type Kind } from './home-calls.ts';
import { interleave, ratioOf, rounded } from './interleave.ts';
import { frameOf, needH2load, written } from './load.ts';
import type { Measured } from './process.ts';
import type { Result } from './result.ts';

/** The nanoseconds of `made_at` take up to six bytes, or none; in JSON a point and up to nine digits. */
const madeAtBytes = { proto: 6, json: 10 };

export type UnaryOptions = {
  readonly quick: boolean;
  readonly cores: Cores;
  /** Another checkout to compare with: `cached_vs_other` and `uncached_vs_other`. */
  readonly against?: string | undefined;
};

export async function unary({ quick, cores, against }: UnaryOptions): Promise<Result> {
  needH2load();
  await using harness = await openHarness(cores);
  const token = await harness.token('alice');
  const calls = callsOf(harness, token);
  const answer = await calls.cached.check(harness.port);
  const json = await calls.json.check(harness.port);
  const env = { BENCH_ANSWER: written(join(harness.folder, 'answer.bin'), answer), BENCH_JSON: written(join(harness.folder, 'answer.json'), json) };
  const grpcBytes = frameOf(answer).length - madeAtBytes.proto;
  const jsonBytes = json.length - madeAtBytes.json;
  const answerBytes = { cached: grpcBytes, uncached: grpcBytes, refused: 0, json: jsonBytes, graphql: jsonBytes };
  const of = (name: string, kind: Kind, server: Measured & { readonly port: number }) => {
    const { path, headers, body, check } = calls[kind];
    const bodyFile = written(join(harness.folder, `${kind}.body`), body);
    const load = { url: `https://localhost:${server.port}${path}`, headers, bodyFile, answerBytes: answerBytes[kind] };
    return { name, server, load, calls: quick ? 200 : kind === 'uncached' ? 2_000 : 8_000, check: () => check(server.port) };
  };
  const portico = { ...harness.portico, port: harness.port };
  const bare = await harness.contestant('nice-grpc-message.ts', env);
  const contestants = [
    of('cached', 'cached', portico),
    of('bare', 'cached', bare),
    of('bytes', 'cached', await harness.contestant('nice-grpc-bytes.ts', env)),
    of('connect', 'cached', await harness.contestant('connect.ts', env)),
    of('refused', 'refused', portico),
    of('json', 'json', portico),
    of('fastify', 'json', await harness.contestant('fastify.ts', env)),
    of('yoga', 'graphql', await harness.contestant('yoga.js', env)),
    of('uncached', 'uncached', portico),
    of('grpcjs', 'uncached', await harness.contestant('grpc-js.ts', env)),
  ];
  if (against !== undefined) {
    const other = await harness.replica({}, resolve(against));
    contestants.push(of('other_cached', 'cached', other), of('other_uncached', 'uncached', other));
  }
  const checkAll = async () => {
    for (const { check } of contestants) await check();
  };

  await checkAll();
  const before = await harness.metrics();
  const rounds = quick ? 2 : 15;
  const speeds = await interleave(contestants, {
    rounds,
    loadCore: cores.load,
  });
  const verdicts = await verdictsSince(harness, before);
  await checkAll();
  console.error(
    `  speeds ${JSON.stringify(Object.fromEntries(Object.entries(speeds).map(([name, { callsPerCpuSecond }]) => [name, callsPerCpuSecond])))}; many users`,
  );
  const oneUser = { calls: quick ? 2_000 : 1_000_000, loadCore: cores.load };
  const rss = {
    portico: await rssAfter(of('portico', 'cached', await harness.replica({})), oneUser),
    bare: await rssAfter(of('bare', 'cached', await harness.contestant('nice-grpc-message.ts', env)), oneUser),
  };
  const grown = await growth(harness, quick ? { users: 100, calls: [1_000, 2_000] } : { users: 10_000, calls: [100_000, 1_000_000] });

  const ratios = {
    cached_vs_bare: ratioOf(speeds.cached, speeds.bare),
    cached_vs_bytes: ratioOf(speeds.cached, speeds.bytes),
    cached_vs_connect: ratioOf(speeds.cached, speeds.connect),
    refused_vs_cached: ratioOf(speeds.refused, speeds.cached),
    json_cached_vs_fastify: ratioOf(speeds.json, speeds.fastify),
    json_cached_vs_yoga: ratioOf(speeds.json, speeds.yoga),
    uncached_vs_grpcjs: ratioOf(speeds.uncached, speeds.grpcjs),
    ...(against !== undefined && {
      cached_vs_other: ratioOf(speeds.cached, speeds.other_cached),
      uncached_vs_other: ratioOf(speeds.uncached, speeds.other_uncached),
    }),
  };
  const wrong = Object.entries(speeds).flatMap(([name, { good, calls }]) =>
    good === calls ? [] : [`${name}: only ${good} of ${calls} calls were good`],
  );
  if (grown.wrong > 0) wrong.push(`${grown.wrong} of ${grown.calls[1]} calls of many users were wrong`);
  return {
    bench: 'unary',
    ratios: {
      ...Object.fromEntries(Object.entries(ratios).map(([name, { median }]) => [name, median])),
      rss_growth: rounded(grown.rssBytes[1] / grown.rssBytes[0]),
      rss_vs_bare: rounded(rss.portico / rss.bare),
    },
    promises: {
      cached_vs_bare: { least: 0.95 },
      cached_vs_bytes: { least: 0.75 },
      cached_vs_connect: { least: 3 },
      refused_vs_cached: { least: 1.3 },
      json_cached_vs_fastify: { least: 0.5 },
      json_cached_vs_yoga: { least: 1.5 },
      uncached_vs_grpcjs: { least: 0.8 },
      rss_growth: { most: 1.05 },
      rss_vs_bare: { most: 2 },
    },
    said: [
      `An answer has ${answer.length} bytes; ${rounds} rounds. Good calls per second of the server's CPU:`,
      ...Object.entries(speeds).map(([name, { callsPerCpuSecond }]) => `${name.padEnd(10)}${String(Math.round(callsPerCpuSecond)).padStart(7)}`),
      ...wrong.map((line) => `WRONG: ${line}`),
    ],
    raw: {
      answerBytes: answer.length,
      speeds,
      quartiles: Object.fromEntries(Object.entries(ratios).map(([name, { quartiles }]) => [name, quartiles])),
      porticoVerdicts: verdicts,
      otlpExports: { ...harness.exports },
      growth: grown,
      rss,
      wrong,
    },
  };
}

/** What Portico itself counted meanwhile: calls by status, and what became of them in the cache. */
async function verdictsSince({ metrics }: Harness, before: ReadonlyMap<string, number>): Promise<Readonly<Record<string, number>>> {
  const told = /^(portico_cache_requests_total|rpc_server_call_duration_seconds_count)\{/;
  const now = [...(await metrics())].filter(([name]) => told.test(name)).map(([name, value]) => [name, value - (before.get(name) ?? 0)] as const);
  return Object.fromEntries(now.filter(([, value]) => value > 0));
}
