// The command line as a person runs it: a process of its own, started through the launcher.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');

export type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string };
export type Running = {
  /** What it has printed so far. */
  output(): string;
  /** Resolved when what it printed matches. @throws Error with the output when it ends before */
  until(pattern: RegExp): Promise<RegExpExecArray>;
  signal(name: NodeJS.Signals): void;
  readonly ended: Promise<Ended>;
};

/** Nothing of the environment of the tests but what a process needs. */
const plain = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' };
const running = new Set<ChildProcess>();

/** Starts `portico …` in a folder. */
export function start(
  args: readonly string[],
  { cwd, env = {} }: { readonly cwd: string; readonly env?: Readonly<Record<string, string>> },
): Running {
  const child = spawn(process.execPath, [join(root, 'scripts/launch.cjs'), join(root, 'src/main.ts'), ...args], {
    cwd,
    env: { ...plain, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let stdout = '';
  let stderr = '';
  const watchers = new Set<() => void>();
  const took = () => {
    for (const watch of [...watchers]) watch();
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    took();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    took();
  });
  let over = false;
  const ended = once(child, 'close').then(([code]: unknown[]): Ended => {
    over = true;
    running.delete(child);
    took();
    return { code: code as number | null, stdout, stderr };
  });
  return {
    output: () => stdout + stderr,
    until: (pattern) =>
      new Promise((found, failed) => {
        const watch = () => {
          const match = pattern.exec(stdout + stderr);
          if (match === null && !over) return;
          watchers.delete(watch);
          if (match === null) failed(new Error(`It ended before it printed ${pattern}:\n${stdout}${stderr}`));
          else found(match);
        };
        watchers.add(watch);
        watch();
      }),
    signal: (name) => child.kill(name),
    ended,
  };
}

/** Runs `portico …` to its end. */
export function run(...args: Parameters<typeof start>): Promise<Ended> {
  return start(...args).ended;
}

/** Ends what a failed test left behind. */
export async function stopAll(): Promise<void> {
  for (const child of [...running]) {
    child.kill('SIGTERM');
    await once(child, 'close');
  }
}
