// A server as a child process of ours: found or installed, tied to our life.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { Socket } from 'node:net';

/**
 * Installs a package of the distribution where that is allowed: root on Debian and its kin.
 * @param otherwise what to do where it is not, such as "set X=…"
 * @throws Error with the line to type
 */
export function installPackage(what: string, packageName: string, otherwise: string): void {
  try {
    if (process.getuid?.() !== 0) throw new Error('only root may install it');
    const options = {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 'ignore', 'inherit'] as ['ignore', 'ignore', 'inherit'],
    };
    console.error(`${what} is not here: installing it with apt-get.`);
    execFileSync('apt-get', ['update', '-q'], options);
    execFileSync('apt-get', ['install', '-q', '-y', '--no-install-recommends', packageName], options);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`The tests need ${what}, and it could not be installed (${why}). Type:\n  apt-get install -y ${packageName}\n${otherwise}`);
  }
}

export type TiedProcess = {
  /** Of the server itself, to be signalled. */
  readonly pid: number;
  /** Resolved when it has ended, however. */
  readonly ended: Promise<void>;
  /** Ends it by the signal it was started with. */
  stop(): Promise<void>;
};

export type TiedOptions = {
  /** What ends it when it is stopped. */
  readonly signal: 'INT' | 'TERM' | 'KILL';
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
  /** What it says goes where ours goes; else nowhere. */
  readonly speaks?: boolean;
};

/** Starts a server that ends when this process does, however that ends: a shell between us waits for our end of its stdin to close. Ctrl-C leaves it to us. */
export async function startTied(command: readonly string[], { signal, cwd, env, user, speaks = false }: TiedOptions): Promise<TiedProcess> {
  const script = `trap '' INT; "$@" >&2 & server=$!; echo $server; cat >/dev/null; kill -${signal} $server 2>/dev/null; wait $server`;
  const child: ChildProcess = spawn('sh', ['-c', script, 'sh', ...command], {
    cwd,
    env,
    stdio: ['pipe', 'pipe', speaks ? 'inherit' : 'ignore'],
    ...user,
  });
  const ended = new Promise<void>((resolved) => child.once('exit', () => resolved()));
  const pid = await new Promise<number>((resolved, reject) => {
    child.once('error', reject);
    child.stdout?.once('data', (bytes: Buffer) => resolved(Number(bytes.toString())));
  });
  // It ends with us; so we need not stay for it.
  child.unref();
  for (const stream of [child.stdin, child.stdout]) if (stream instanceof Socket) stream.unref();
  return {
    pid,
    ended,
    stop: async () => {
      child.ref();
      child.stdin?.end();
      await ended;
    },
  };
}
