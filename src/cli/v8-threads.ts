import { readdirSync, readFileSync } from 'node:fs';
import { setPriority } from 'node:os';

/** Of a core that all want, the loop gets nine times what each of them gets (Linux, sched(7), "The nice value"). */
const niceness = 10;

/**
 * Lets V8's threads, which mark, sweep and compile, yield to the event loop. Four of them beside it on one core, the
 * CPU of a small pod, else take most of it while a collection runs: a unary call waited 17 ms for one step of marking.
 * Beside other busy processes of the same container the threads would get too little, and the loop waits for them at
 * the end of each collection. Only Linux has priorities of threads.
 */
export function letV8ThreadsYield(): void {
  if (process.platform !== 'linux') return;
  for (const thread of readdirSync('/proc/self/task')) {
    try {
      if (readFileSync(`/proc/self/task/${thread}/comm`, 'utf8').startsWith('V8Worker')) setPriority(Number(thread), niceness);
    } catch {
      // the thread has ended, or this machine does not allow it
    }
  }
}
