// One real redis-server as a child process, with the ways in which servers fail.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Redis } from 'ioredis';
import { holdPort } from '../../../scripts/hold-port.ts';
import { installPackage, startTied, type TiedProcess } from '../../../scripts/tied-process.ts';

export type RedisServerOptions = {
  /** Lines of redis.conf, such as "maxmemory-policy noeviction". */
  readonly config?: readonly string[];
  /** Serve TLS on the port, and nothing else. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string; readonly caFile: string };
  /** Run as a Sentinel. */
  readonly sentinel?: boolean;
};

export type RedisServer = AsyncDisposable & {
  readonly port: number;
  /** "127.0.0.1:6379" */
  readonly address: string;
  /** Ends it at once (SIGKILL): connections break. */
  kill(): Promise<void>;
  /** Stops it from doing anything (SIGSTOP): connections stay, nothing is answered. */
  hang(): void;
  /** Ends the hang (SIGCONT). */
  continue(): void;
  /** Starts it anew on the same port, with nothing in it, or with what the command SAVE kept; ends it first where it runs. */
  restart(options?: { readonly saved?: boolean }): Promise<void>;
  /** As a replica: gets nothing more of what its primary is told. Whoever watches over both does not mind for a while, and promotes it all the same. */
  lagBehind(): Promise<void>;
  /** A command as the default user, by a connection of its own. */
  command(...words: readonly (string | number)[]): Promise<unknown>;
  stop(): Promise<void>;
};

const name = 'redis-server';
let binary: string | undefined;

/** @throws Error with the line to type where it is not here and cannot be installed */
function redisBinary(): string {
  binary ??= find() ?? install();
  return binary;
}

function find(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return [...folders, '/usr/bin', '/usr/local/bin'].map((folder) => join(folder, name)).find((file) => existsSync(file));
}

function install(): string {
  installPackage('Redis', name, `or put ${name} (7.0 or newer) on the PATH`);
  const found = find();
  if (found === undefined) throw new Error(`Redis was installed, but there is no ${name} on the PATH.`);
  return found;
}

/** Starts a server on a free port of 127.0.0.1, without persistence, in a temporary folder; resolved when it answers. */
export async function startRedisServer({ config = [], tls, sentinel = false }: RedisServerOptions = {}): Promise<RedisServer> {
  const port = await holdPort();
  const folder = mkdtempSync(join(tmpdir(), 'portico-redis-'));
  const usual = ['bind 127.0.0.1', `dir ${folder}`, 'daemonize no', 'protected-mode no'];
  const kept = sentinel ? [] : ["save ''", 'appendonly no', 'repl-diskless-sync-delay 0', 'enable-debug-command yes'];
  const ports = tls === undefined ? [`port ${port}`] : ['port 0', `tls-port ${port}`, ...tlsLines(tls)];
  const file = join(folder, 'redis.conf');
  const admin = (options = {}) =>
    new Redis({
      host: '127.0.0.1',
      port,
      maxRetriesPerRequest: 0,
      enableReadyCheck: false,
      retryStrategy: () => null,
      lazyConnect: true,
      ...(tls === undefined ? {} : { tls: { rejectUnauthorized: false } }),
      ...options,
    }).on('error', () => {});
  const command = async (...words: readonly (string | number)[]) => {
    const redis = admin();
    try {
      const [first = '', ...rest] = words;
      return await redis.call(String(first), rest.map(String));
    } finally {
      redis.disconnect();
    }
  };
  let running: TiedProcess | undefined;
  const start = async () => {
    writeFileSync(file, [...usual, ...kept, ...ports, ...config].join('\n'));
    running = await startTied([redisBinary(), file, ...(sentinel ? ['--sentinel'] : [])], { signal: 'KILL', cwd: folder });
    for (let i = 0; i < 200; i++) {
      try {
        await command('PING');
        return;
      } catch {
        await new Promise((again) => setTimeout(again, 25));
      }
    }
    throw new Error('Redis did not start.');
  };
  const signal = (what: NodeJS.Signals) => {
    if (running !== undefined) process.kill(running.pid, what);
  };
  const kill = async () => {
    const ending = running;
    running = undefined;
    await ending?.stop();
  };
  const stop = async () => {
    await kill();
    rmSync(folder, { recursive: true, force: true });
  };
  await start();
  return {
    port,
    address: `127.0.0.1:${port}`,
    kill,
    hang: () => signal('SIGSTOP'),
    continue: () => signal('SIGCONT'),
    restart: async ({ saved = false } = {}) => {
      await kill();
      for (const file of ['nodes.conf', ...(saved ? [] : ['dump.rdb'])]) rmSync(join(folder, file), { force: true });
      await start();
    },
    lagBehind: async () => {
      await command('CONFIG', 'SET', 'masterauth', 'wrong'); // by which its primary lets it in no more
      await command('CLIENT', 'KILL', 'TYPE', 'master');
    },
    command,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function tlsLines({ certFile, keyFile, caFile }: NonNullable<RedisServerOptions['tls']>): readonly string[] {
  return [`tls-cert-file ${certFile}`, `tls-key-file ${keyFile}`, `tls-ca-cert-file ${caFile}`, 'tls-auth-clients no'];
}
