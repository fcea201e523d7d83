// Where the CPU time of a cached call goes: V8's profile of the server under load, summed by function and by who wrote it.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { clientHeaders, path } from './client.ts';
import { type Cores, openHarness } from './harness.ts';
import { frameOf, h2load, needH2load, written } from './load.ts';
import type { Result } from './result.ts';

type Profile = {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
};

export async function profile({ quick, cores }: { readonly quick: boolean; readonly cores: Cores }): Promise<Result> {
  needH2load();
  const calls = quick ? 2_000 : 100_000;
  await using harness = await openHarness(cores, (folder) => ['--cpu-prof', '--cpu-prof-interval', '500', '--cpu-prof-dir', folder]);
  const load = {
    url: `https://localhost:${harness.port}${path}`,
    headers: { ...clientHeaders, authorization: `Bearer ${await harness.token('alice')}` },
    bodyFile: written(join(harness.folder, 'frame.bin'), frameOf(new Uint8Array())),
    answerBytes: 1,
  };
  const before = harness.portico.cpuSeconds();
  await h2load(cores.load, calls, load);
  const microsecondsPerCall = ((harness.portico.cpuSeconds() - before) * 1e6) / calls;
  await harness.portico.stop();
  const file = readdirSync(harness.folder).find((name) => name.endsWith('.cpuprofile'));
  if (file === undefined) throw new Error('The server ended without writing its profile.');
  const { functions, owners } = selfTimes(JSON.parse(readFileSync(join(harness.folder, file), 'utf8')) as Profile);
  return {
    bench: 'profile',
    ratios: Object.fromEntries(owners),
    promises: {},
    said: [
      `${Math.round(microsecondsPerCall)} µs of CPU for each cached call, profiling included. Most of it:`,
      ...functions.map(([name, part]) => `${part}  ${name}`),
    ],
    raw: { microsecondsPerCall, functions: Object.fromEntries(functions) },
  };
}

/** Self time by function and by owner, as parts of all time that was not idle, the largest first. */
function selfTimes({ nodes, samples, timeDeltas }: Profile) {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const functions = new Map<string, number>();
  const owners = new Map<string, number>();
  let all = 0;
  for (const [i, id] of samples.entries()) {
    const frame = frames.get(id);
    const time = timeDeltas[i] ?? 0;
    if (frame === undefined || frame.functionName === '(idle)' || frame.functionName === '(program)') continue;
    const owner = ownerOf(frame.url, frame.functionName);
    const name = `${frame.functionName || '(anonymous)'} ${owner} ${frame.url.split('/').at(-1)}:${frame.lineNumber + 1}`;
    functions.set(name, (functions.get(name) ?? 0) + time);
    owners.set(owner, (owners.get(owner) ?? 0) + time);
    all += time;
  }
  const parts = (times: ReadonlyMap<string, number>, most: number) =>
    [...times]
      .sort((a, b) => b[1] - a[1])
      .slice(0, most)
      .map(([name, time]) => [name, Math.round((time / all) * 10_000) / 10_000] as const);
  return { functions: parts(functions, 60), owners: parts(owners, 12) };
}

function ownerOf(url: string, functionName: string): string {
  if (functionName === '(garbage collector)') return 'garbage-collector';
  const dependency = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  if (dependency !== undefined) return dependency;
  if (url.startsWith('node:')) return 'node';
  return url === '' ? 'native' : 'portico';
}
