import { readdirSync, readFileSync } from 'node:fs';
import { cpuSecondsOf } from '../process.ts';

/** Of the kernel's clock in /proc: sysconf(_SC_CLK_TCK), which is 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** CPU time of PostgreSQL so far, in seconds: of all its processes, those that have ended included. @param pid of the first one */
export function postgresCpuSeconds(pid: number): number {
  const [user = 0, system = 0, endedUser = 0, endedSystem = 0] = statOf(pid).slice(11, 15).map(Number);
  let seconds = (user + system + endedUser + endedSystem) / ticksPerSecond;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      if (Number(statOf(Number(name))[1]) === pid) seconds += cpuSecondsOf(Number(name));
    } catch {
      // it has ended meanwhile
    }
  }
  return seconds;
}

/** The fields of /proc/PID/stat from the third one on: the second may have spaces. */
function statOf(pid: number): readonly string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}
