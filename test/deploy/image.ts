// The image that the Dockerfile would make, as a folder, and processes that are started from it as a container would be.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { readDockerfile } from './dockerfile.ts';
import { type BuiltStage, runDockerfile } from './run-dockerfile.ts';

const root = resolve(import.meta.dirname, '../..');

export type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string };
export type Container = {
  readonly process: ChildProcess;
  /** JSON lines of its log so far. */
  lines(): readonly Record<string, unknown>[];
  /** The line with this message, now or when it comes. @throws Error when the process ends without it */
  line(message: string): Promise<Record<string, unknown>>;
  readonly ended: Promise<Ended>;
};
export type Image = {
  readonly stage: BuiltStage;
  /** Where the settings and secrets of a test are: readable for the image's user. */
  readonly mounts: string;
  /** ENTRYPOINT with these arguments; without any, with CMD. */
  start(args: readonly string[], env?: Readonly<Record<string, string>>): Container;
  /** Runs HEALTHCHECK's own command. */
  health(env: Readonly<Record<string, string>>): Promise<Ended>;
  remove(): void;
};

/** Builds the image in a temporary folder and takes the right to write away from its application folder. */
export function buildImage(): Image {
  const folder = mkdtempSync(join(tmpdir(), 'portico-image-'));
  chmodSync(folder, 0o755);
  const remove = () => {
    execFileSync('chmod', ['-R', 'u+w', folder]);
    execFileSync('rm', ['-rf', folder]);
  };
  try {
    const stages = readDockerfile(readFileSync(join(root, 'Dockerfile'), 'utf8'));
    const stage = runDockerfile(stages, root, folder);
    execFileSync('chmod', ['-R', 'a-w,a+rX', stage.folder]);
    const mounts = join(folder, 'mounts');
    execFileSync('mkdir', ['-m', '755', mounts]);
    const command = (name: string) => stages.at(-1)?.instructions.findLast((instruction) => instruction.name === name)?.exec ?? [];
    const start = (words: readonly string[], env: Readonly<Record<string, string>> = {}) => startProcess(stage, words, env);
    return {
      stage,
      mounts,
      start: (args, env) => start([...command('ENTRYPOINT'), ...(args.length === 0 ? command('CMD') : args)], env),
      health: (env) => start(command('HEALTHCHECK'), env).ended,
      remove,
    };
  } catch (error) {
    remove();
    throw error;
  }
}

function startProcess(stage: BuiltStage, words: readonly string[], env: Readonly<Record<string, string>>): Container {
  const [command = '', ...args] = words.map((word) => stage.path(word));
  const child = spawn(command, args, { cwd: stage.workdir, env: { ...stage.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'], ...stage.user });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
    });
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...said }));
  const lines = () =>
    said.stdout
      .split('\n')
      .slice(0, -1)
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const line = (message: string) =>
    new Promise<Record<string, unknown>>((found, missing) => {
      const look = () => {
        const one = lines().find(({ msg }) => msg === message);
        if (one !== undefined) found(one);
      };
      child.stdout.on('data', look);
      look();
      void ended.then(({ code, stderr }) => missing(new Error(`it ended with ${code} and never said "${message}": ${stderr}${said.stdout}`)));
    });
  return { process: child, lines, line, ended };
}
