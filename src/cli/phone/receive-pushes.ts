import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PushData } from '../../client/push/parse-push.ts';

const everyMs = 300;

export type PushFile = {
  /** To be registered as a token of Firebase. */
  readonly token: string;
  close(): void;
};

/**
 * What stands for the push service of the operating system: a file in the data directory, to which `portico dev` writes
 * the pushes to this terminal.
 * @returns undefined: the server is another one, or has no data directory here
 */
export function receivePushes(folder: string, onPush: (data: PushData) => void): PushFile | undefined {
  const token = `terminal-${randomUUID()}`;
  const file = join(folder, token);
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, '', { flag: 'wx', mode: 0o600 });
  } catch {
    return undefined; // without pushes, as an app without the permission
  }
  let read = 0;
  const timer = setInterval(() => {
    if (!existsSync(file)) return;
    const text = readFileSync(file, 'utf8');
    const end = text.lastIndexOf('\n') + 1;
    for (const line of text.slice(read, end).split('\n')) if (line !== '') onPush(JSON.parse(line) as PushData);
    read = end;
  }, everyMs).unref();
  return {
    token,
    close: () => {
      clearInterval(timer);
      rmSync(file, { force: true });
    },
  };
}
