// Processes under measurement: pinned to a core, asked for their CPU time, and ended.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** The kernel's clock ticks per second (`getconf CLK_TCK`; 100 on every Linux in use). */
const ticksPerSecond = 100;

export type Measured = {
  readonly pid: number;
  /** What the server printed when it was ready: one JSON object on a line. */
  readonly ready: Readonly<Record<string, unknown>>;
  /** User and system time so far, in seconds. */
  cpuSeconds(): number;
  /** Resident set size in bytes, after a garbage collection (the process is started with --expose-gc and collects on SIGUSR2). */
  rssAfterGc(): Promise<number>;
  stop(): Promise<void>;
};

/**
 * Starts a Node script on one core and waits for its first line of JSON.
 * @param core the CPU it is pinned to, by taskset
 */
export async function startPinned(
  core: number,
  script: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Measured> {
  const child = spawn('taskset', ['-c', String(core), process.execPath, '--expose-gc', script, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ready = await firstJson(child, script);
  const pid = child.pid ?? 0;
  return {
    pid,
    ready,
    cpuSeconds: () => {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
      return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond; // utime and stime: proc(5), fields 14 and 15
    },
    rssAfterGc: async () => {
      process.kill(pid, 'SIGUSR2');
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4_096;
    },
    stop: async () => {
      if (child.exitCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

async function firstJson(child: ChildProcess, script: string): Promise<Record<string, unknown>> {
  if (child.stdout === null) throw new Error('no output');
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) {
    if (!line.startsWith('{')) continue;
    lines.close();
    child.stdout.resume(); // nobody reads on: let it flow away
    return JSON.parse(line) as Record<string, unknown>;
  }
  throw new Error(`${script} ended before it was ready`);
}
