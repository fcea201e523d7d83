import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import type { Cores } from './harness.ts';

/** The server has the last core to itself; this process and everything else stay on the first. */
export function pinnedCores(): Cores {
  const cores = availableParallelism();
  if (cores < 2) throw new Error('Two cores are needed: one for the server, one for the load.');
  execFileSync('taskset', ['-cp', '0', String(process.pid)], { stdio: 'ignore' });
  return { server: cores - 1, load: 0 };
}
