// How soon `portico dev` says that it listens, and how soon it is ready: with the embedded database, from the second start on (the first makes it).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { untilReady } from './harness.ts';
import { quantile, rounded } from './interleave.ts';
import { bareEnvironment } from './process.ts';
import type { Result } from './result.ts';

const root = resolve(import.meta.dirname, '../..');
type Start = { readonly bannerSeconds: number; readonly readySeconds: number };

export async function startup({ quick }: { readonly quick: boolean }): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'portico-bench-'));
  try {
    const first = await start(folder);
    const starts: Start[] = [];
    for (let i = 0; i < (quick ? 2 : 9); i++) starts.push(await start(folder));
    const median = (pick: (one: Start) => number) => rounded(quantile(starts.map(pick), 0.5));
    return {
      bench: 'startup',
      ratios: { banner_seconds: median(({ bannerSeconds }) => bannerSeconds), ready_seconds: median(({ readySeconds }) => readySeconds) },
      promises: { banner_seconds: { most: 1 }, ready_seconds: { most: 3 } },
      said: [
        `The first start, which makes the database: banner ${rounded(first.bannerSeconds)} s, ready ${rounded(first.readySeconds)} s.`,
        `Medians of ${starts.length} starts after it:`,
      ],
      raw: { first, starts },
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** As `npm start` does it, on free ports. */
async function start(folder: string): Promise<Start> {
  const env = { PORTICO_PUBLIC__PORT: '0', PORTICO_INTERNAL__PORT: '0', PORTICO_ADMIN__PORT: '0', PORTICO_DATA_DIR: folder };
  const beganMs = performance.now();
  const child = spawn(process.execPath, ['scripts/launch.cjs', 'src/main.ts', 'dev'], {
    cwd: root,
    env: { ...bareEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  try {
    const adminUrl = await adminOf(child.stdout);
    const bannerSeconds = (performance.now() - beganMs) / 1_000;
    await untilReady(adminUrl);
    return { bannerSeconds, readySeconds: (performance.now() - beganMs) / 1_000 };
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
}

async function adminOf(output: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const chunk of output) {
    text += chunk;
    const url = /admin +(http:\/\/\S+)\/readyz/.exec(text)?.[1];
    if (url === undefined) continue;
    output.resume();
    return url;
  }
  throw new Error(`portico dev ended before its banner:\n${text}`);
}
