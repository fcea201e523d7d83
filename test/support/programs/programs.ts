// Runs a program to its end, and tells all that came of it.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../../..');

/** @throws Error that says what to install, when a program is not on PATH */
export function needed(name: string, install: string): string {
  const path = (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((candidate) => existsSync(candidate));
  if (path === undefined) throw new Error(`"${name}" is not on PATH, which this command needs. Install it: ${install}`);
  return path;
}

export type Ran = { readonly status: number | null; readonly stdout: string; readonly stderr: string };
export type RunOptions = {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** It is ended after this long. Milliseconds. */
  readonly mostMs?: number;
};

/** Whatever its exit status is. */
export function attempt(
  program: string,
  args: readonly string[],
  { cwd = root, env = {}, input = '', mostMs = 60_000 }: RunOptions = {},
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, timeout: mostMs });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, stdout, stderr }));
    child.stdin.on('error', () => {}); // it ended without reading: its status tells
    child.stdin.end(input);
  });
}

/** @returns what it printed @throws Error with all that it said, when it fails */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { status, stdout, stderr } = await attempt(program, args, options);
  if (status !== 0) throw new Error(`${program} ${args.slice(0, 3).join(' ')} … ended with ${status}:\n${stdout}${stderr}`);
  return stdout;
}
