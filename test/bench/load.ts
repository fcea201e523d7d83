// Load by h2load (nghttp2), pinned to the other core. h2load does not look into answers, so the bytes of all bodies are counted against what good ones have.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';

export type Load = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The request's body; of gRPC a frame: five bytes of prefix and the message. */
  readonly bodyFile: string;
  /** Length of the shortest good answer's body in bytes, prefix included; 0: good answers have none. */
  readonly answerBytes: number;
  /** Default: 8. */
  readonly connections?: number;
};

/** @returns how many of the `calls` were good: answered 200 with a body of at least the length of a checked answer */
export async function h2load(core: number | string, calls: number, load: Load): Promise<number> {
  const headers = Object.entries(load.headers).flatMap(([key, value]) => ['-H', `${key}: ${value}`]);
  const args = [
    '-c',
    String(core),
    'h2load',
    '-n',
    String(calls),
    '-c',
    String(load.connections ?? 8),
    '-m',
    '16',
    '-t',
    '1',
    '-d',
    load.bodyFile,
    ...headers,
    load.url,
  ];
  const child = spawn('taskset', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  const [code] = await once(child, 'close');
  const answered = Number(output.match(/status codes: (\d+) 2xx/)?.[1]);
  const dataBytes = Number(output.match(/\((\d+)\) data/)?.[1]);
  if (code !== 0 || !Number.isFinite(answered) || !Number.isFinite(dataBytes)) throw new Error(`h2load failed:\n${output}`);
  if (load.answerBytes === 0) return dataBytes === 0 ? answered : 0;
  return Math.min(answered, Math.floor(dataBytes / load.answerBytes));
}

/** One message as a gRPC frame. */
export function frameOf(message: Uint8Array): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** @returns the path */
export function written(path: string, bytes: Uint8Array): string {
  writeFileSync(path, bytes);
  return path;
}

/** Finds h2load, or installs it where that is allowed. @throws Error with the line to type */
export function needH2load(): void {
  const isThere = () => {
    try {
      execFileSync('h2load', ['--version'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  };
  if (isThere()) return;
  const line = 'apt-get install -y nghttp2-client';
  try {
    if (process.getuid?.() !== 0) throw new Error('only root may install it');
    console.error('h2load is not here: installing it with apt-get.');
    for (const args of [
      ['update', '-q'],
      ['install', '-q', '-y', '--no-install-recommends', 'nghttp2-client'],
    ])
      execFileSync('apt-get', args, { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, stdio: ['ignore', 'ignore', 'inherit'] });
  } catch (error) {
    throw new Error(
      `This benchmark needs h2load, and it could not be installed (${error instanceof Error ? error.message : error}). Type:\n  ${line}`,
    );
  }
  if (!isThere()) throw new Error(`nghttp2-client was installed, but there is no h2load on PATH.`);
}
