// Processes under measurement: pinned to a core, asked for their CPU time, and ended.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const measured = join(import.meta.dirname, 'measured.ts');
/** How long a garbage collection may take to be over, and freed memory to be given back. Milliseconds. */
const collectMs = 3_000;

export type Measured = {
  readonly pid: number;
  /** What the server printed when it was ready: one JSON object on a line. */
  readonly ready: Readonly<Record<string, unknown>>;
  /** CPU time of all its threads so far, in seconds. */
  cpuSeconds(): number;
  /** Resident set size in bytes, after a garbage collection. */
  rssAfterGc(): Promise<number>;
  stop(): Promise<void>;
};

export type StartOptions = {
  /** The CPUs it is pinned to, by taskset: one, or a list such as "0,1". */
  readonly core: number | string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Node's own flags. */
  readonly nodeArgs?: readonly string[];
  /** Which line of JSON says that it is ready; default: the first. */
  readonly isReady?: (line: Readonly<Record<string, unknown>>) => boolean;
};

/** Starts a Node script on one core and waits for its line of JSON. */
export async function startPinned(
  script: string,
  { core, args = [], env = {}, nodeArgs = [], isReady = () => true }: StartOptions,
): Promise<Measured> {
  const node = [process.execPath, '--expose-gc', '--import', measured, ...nodeArgs, script, ...args];
  const child = spawn('taskset', ['-c', String(core), ...node], { env: { ...bareEnvironment(), ...env }, stdio: ['pipe', 'pipe', 'inherit'] });
  const ready = await readyLine(child, script, isReady);
  const pid = child.pid ?? 0;
  return {
    pid,
    ready,
    cpuSeconds: () => cpuSecondsOf(pid),
    rssAfterGc: async () => {
      process.kill(pid, 'SIGUSR2');
      await new Promise((resolve) => setTimeout(resolve, collectMs));
      return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1_024;
    },
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      const killing = setTimeout(() => child.kill('SIGKILL'), 20_000);
      await once(child, 'exit');
      clearTimeout(killing);
    },
  };
}

/** Our own environment without what would set a Portico or its telemetry otherwise than the benchmark does. */
export function bareEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(PORTICO_|OTEL_|DATABASE_URL|REDIS_URL|NODE_OPTIONS)/.test(name)));
}

/** The scheduler counts in nanoseconds (Linux, Documentation/scheduler/sched-stats.rst); /proc/PID/stat would round to hundredths of a second. */
export function cpuSecondsOf(pid: number): number {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`))
    nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
  return nanoseconds / 1e9;
}

async function readyLine(child: ChildProcess, script: string, isReady: NonNullable<StartOptions['isReady']>): Promise<Record<string, unknown>> {
  if (child.stdout === null) throw new Error('no output');
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) {
    if (!line.startsWith('{')) continue;
    const said = JSON.parse(line) as Record<string, unknown>;
    if (!isReady(said)) continue;
    lines.close();
    child.stdout.resume(); // nobody reads on: let it flow away
    return said;
  }
  throw new Error(`${script} ended before it was ready`);
}
