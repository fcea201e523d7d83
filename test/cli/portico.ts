// The command line as a person runs it: a process of its own, started through the launcher.
import { join, resolve } from 'node:path';
import { type Ended, type Running, startProcess } from '../support/server/process.ts';

const root = resolve(import.meta.dirname, '../..');
/** Nothing of the environment of the tests but what a process needs. */
const plain = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' };
const running = new Set<Running>();

/** Starts `portico …` in a folder. */
export function start(
  args: readonly string[],
  { cwd, env = {} }: { readonly cwd: string; readonly env?: Readonly<Record<string, string>> },
): Running {
  const command = [join(root, 'scripts/launch.cjs'), join(root, 'src/main.ts'), ...args];
  const started = startProcess(process.execPath, command, { cwd, env: { ...plain, ...env } });
  running.add(started);
  void started.ended.then(() => running.delete(started));
  return started;
}

/** Runs `portico …` to its end. */
export function run(...args: Parameters<typeof start>): Promise<Ended> {
  return start(...args).ended;
}

/** Ends what a failed test left behind. */
export async function stopAll(): Promise<void> {
  await Promise.all([...running].map((one) => one.stop()));
}
