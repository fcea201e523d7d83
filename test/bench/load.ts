// Load by h2load (nghttp2), pinned to the other core. h2load does not look into answers, so the bytes of all bodies are counted against what good ones have.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';

export type Load = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The request's frame: five bytes of prefix and the message. */
  readonly bodyFile: string;
  /** Length of one good answer's frame in bytes, prefix included. */
  readonly answerBytes: number;
};

/** @returns how many of the `calls` were good: answered 200 with a body of exactly the length of a checked answer */
export async function h2load(core: number, calls: number, load: Load): Promise<number> {
  const headers = Object.entries(load.headers).flatMap(([key, value]) => ['-H', `${key}: ${value}`]);
  const args = ['-c', String(core), 'h2load', '-n', String(calls), '-c', '8', '-m', '16', '-t', '1', '-d', load.bodyFile, ...headers, load.url];
  const child = spawn('taskset', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  const [code] = await once(child, 'exit');
  const succeeded = Number(output.match(/(\d+) succeeded/)?.[1]);
  const dataBytes = Number(output.match(/\((\d+)\) data/)?.[1]);
  if (code !== 0 || !Number.isFinite(succeeded) || !Number.isFinite(dataBytes)) throw new Error(`h2load failed:\n${output}`);
  return Math.min(succeeded, Math.floor(dataBytes / load.answerBytes));
}

/** @returns the path of a file with the message as one gRPC frame */
export function frameFile(path: string, message: Uint8Array): string {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  writeFileSync(path, Buffer.concat([prefix, message]));
  return path;
}
