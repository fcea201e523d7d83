// Where the time of the processors goes: what a server used, and what nobody used.
import { readdirSync, readFileSync } from 'node:fs';
import { cpuSecondsOf } from '../process.ts';

/** Of /proc/stat: sysconf(_SC_CLK_TCK), which is 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** A process and those that it started, as they are now. */
export function processTree(pid: number): readonly number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // it has ended meanwhile
    }
  }
  const tree = [pid];
  for (const one of tree) tree.push(...[...parents].filter(([, parent]) => parent === one).map(([child]) => child));
  return tree;
}

/** CPU time of all threads of these processes, in seconds. */
export function cpuSecondsOfAll(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + cpuSecondsOf(pid), 0);
}

/** CPU time of the main thread of a process, in seconds (Linux, sched-stats.rst: the first number). */
export function mainThreadSeconds(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e9;
}

/** How long the processors had nothing to do so far, in seconds, summed up. */
export function idleSeconds(cores: readonly number[]): number {
  const text = readFileSync('/proc/stat', 'utf8');
  return cores.reduce((sum, core) => sum + idleOf(new RegExp(`^cpu${core} (.*)$`, 'm').exec(text)?.[1]), 0);
}

/** Fields four and five: idle, and idle while something waits for a disk (proc(5)). */
function idleOf(line: string | undefined): number {
  const fields = (line ?? '').split(' ').map(Number);
  return ((fields[3] ?? 0) + (fields[4] ?? 0)) / ticksPerSecond;
}
