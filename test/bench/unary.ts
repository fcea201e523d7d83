// What one unary call costs the server, against bare servers that do less: docs/reference/benchmarks.md says what each ratio means.
import { join, resolve } from 'node:path';
import { checkHome, openClient, path, clientHeaders } from './client.ts';
import { growth } from './growth.ts';
import { type Cores, type Harness, openHarness } from './harness.ts';
import { type Contestant, interleave, ratioOf, rounded } from './interleave.ts';
import { frameOf, needH2load, written } from './load.ts';
import type { Result } from './result.ts';

/** Field 1000, varint 1: unknown to GetHomeRequest, so the cache neither stores nor joins the call, and each makes its four upstream calls. */
const uncachedRequest = new Uint8Array([0xc0, 0x3e, 0x01]);
/** The nanoseconds of `made_at` take up to six bytes, or none. */
const madeAtBytes = 6;

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
  const cachedFrame = frameOf(new Uint8Array());
  const uncachedFrame = frameOf(uncachedRequest);
  const answer = await oneCall(harness.port, harness, token, cachedFrame);
  const env = { BENCH_ANSWER: written(join(harness.folder, 'answer.bin'), answer) };
  const servers = {
    bare: await harness.contestant('nice-grpc-message', env),
    bytes: await harness.contestant('nice-grpc-bytes', env),
    connect: await harness.contestant('connect', env),
    grpcjs: await harness.contestant('grpc-js', env),
  };
  const files = {
    cached: written(join(harness.folder, 'cached.bin'), cachedFrame),
    uncached: written(join(harness.folder, 'uncached.bin'), uncachedFrame),
  };
  const headers = { ...clientHeaders, authorization: `Bearer ${token}` };
  const loadOf = (port: number, kind: keyof typeof files) => ({
    url: `https://localhost:${port}${path}`,
    headers,
    bodyFile: files[kind],
    answerBytes: answer.length + frameOf(new Uint8Array()).length - madeAtBytes,
  });
  const portico = { server: harness.portico, port: harness.port };
  const of = (
    name: string,
    { server, port }: { server: Contestant['server']; port: number },
    kind: keyof typeof files,
  ): Contestant & { port: number } => ({
    name,
    server,
    port,
    load: loadOf(port, kind),
    calls: quick ? 200 : kind === 'cached' ? 8_000 : 2_000,
  });
  const contestants = [
    of('cached', portico, 'cached'),
    of('bare', { server: servers.bare, port: servers.bare.port }, 'cached'),
    of('bytes', { server: servers.bytes, port: servers.bytes.port }, 'cached'),
    of('connect', { server: servers.connect, port: servers.connect.port }, 'cached'),
    of('uncached', portico, 'uncached'),
    of('grpcjs', { server: servers.grpcjs, port: servers.grpcjs.port }, 'uncached'),
  ];
  if (against !== undefined) {
    const server = await harness.replica({}, resolve(against));
    contestants.push(of('other_cached', { server, port: server.port }, 'cached'), of('other_uncached', { server, port: server.port }, 'uncached'));
  }
  const checkAll = async () => {
    for (const { port, load } of contestants) await oneCall(port, harness, token, load.bodyFile === files.cached ? cachedFrame : uncachedFrame);
  };

  await checkAll();
  const before = await harness.metrics();
  const rounds = quick ? 2 : 15;
  const speeds = await interleave(contestants, {
    rounds,
    loadCore: cores.load,
    onRound: (round) => console.error(`  round ${round} of ${rounds}`),
  });
  const verdicts = await verdictsSince(harness, before);
  await checkAll();
  console.error(
    `  speeds ${JSON.stringify(Object.fromEntries(Object.entries(speeds).map(([name, { callsPerCpuSecond }]) => [name, callsPerCpuSecond])))}; many users`,
  );
  const grown = await growth(harness, quick ? { users: 100, calls: [1_000, 2_000] } : { users: 10_000, calls: [100_000, 1_000_000] });

  const ratios = {
    cached_vs_bare: ratioOf(speeds.cached, speeds.bare),
    cached_vs_bytes: ratioOf(speeds.cached, speeds.bytes),
    cached_vs_connect: ratioOf(speeds.cached, speeds.connect),
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
    },
    promises: {
      cached_vs_bare: { least: 0.85 },
      cached_vs_bytes: { least: 0.7 },
      cached_vs_connect: { least: 1 },
      uncached_vs_grpcjs: { least: 0.8 },
      rss_growth: { most: 1.05 },
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
      wrong,
    },
  };
}

/** One call whose status and whole body are looked at. */
async function oneCall(port: number, { ca }: Harness, token: string, frame: Buffer): Promise<Uint8Array> {
  const client = openClient(port, ca, frame);
  try {
    const message = await client.call(token);
    checkHome(message);
    return message;
  } finally {
    client.close();
  }
}

/** What Portico itself counted meanwhile: calls by status, and what became of them in the cache. */
async function verdictsSince({ metrics }: Harness, before: ReadonlyMap<string, number>): Promise<Readonly<Record<string, number>>> {
  const told = /^(portico_cache_requests_total|rpc_server_call_duration_seconds_count)\{/;
  const now = [...(await metrics())].filter(([name]) => told.test(name)).map(([name, value]) => [name, value - (before.get(name) ?? 0)] as const);
  return Object.fromEntries(now.filter(([, value]) => value > 0));
}
