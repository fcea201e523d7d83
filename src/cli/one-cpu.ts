import { accessSync, constants } from 'node:fs';
import { availableParallelism } from 'node:os';

const flag = '--single-threaded-gc';

/**
 * Begins `portico serve` once more, with V8's flag for it, where it has one CPU, such as that of a small pod: there the
 * event loop collects alone. It else waits for the threads' parts of each collection, and for a thread to stop marking
 * before each collection of young objects. On one CPU these come no sooner, but after whatever the scheduler runs
 * first: a unary call waited up to 67 ms. V8 reads the flag only at its start. The process stays the same, with its id;
 * its workers inherit the flag. One that has a channel to its parent would lose it, and goes on as it is.
 * @param cpus those that this process may use: its affinity and the quota of its cgroup count
 */
export function collectAloneOnOneCpu(cpus = availableParallelism()): void {
  const { argv, env, execArgv, execPath } = process;
  if (cpus > 1 || argv[2] !== 'serve' || isChosen(execArgv) || process.send !== undefined || process.execve === undefined) return;
  try {
    accessSync(execPath, constants.X_OK); // Node ends the process when the system refuses
    process.execve(execPath, [execPath, flag, ...execArgv, ...argv.slice(1)], env);
  } catch {
    // the server runs with V8's threads
  }
}

function isChosen(flags: readonly string[]): boolean {
  return flags.some((one) => /^--(no-)?single-threaded-gc$/.test(one));
}
