// Scripts of ours as processes of their own, spoken to by lines.
import { resolve } from 'node:path';
import { type Running, startProcess } from '../support/server/process.ts';

export const root = resolve(import.meta.dirname, '../..');

/** Starts a script of ours with an environment that says nothing of Portico. What it says on stderr is shown. */
export function startScript(args: readonly string[]): Running {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(PORTICO_|DATABASE_URL|OTEL_|NODE_TEST)/.test(name)));
  return startProcess(process.execPath, args, { cwd: root, env, shown: true });
}
