// Scripts of ours as processes of their own, spoken to by lines.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';

export const root = resolve(import.meta.dirname, '../..');

export type Started = {
  /** The pattern's first group in the first line of its output that fits and that was not asked for before; waits for it. */
  line(pattern: RegExp): Promise<string>;
  /** Writes a line to its standard input. */
  say(text: string): void;
  stop(): Promise<void>;
};

/** Starts a script of ours with an environment that says nothing of Portico. What it says on stderr is shown. */
export function startScript(args: readonly string[]): Started {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(PORTICO_|DATABASE_URL|OTEL_|NODE_TEST)/.test(name)));
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['pipe', 'pipe', 'inherit'] });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  let ended = false;
  const wake = () => {
    for (const look of waiting) look();
  };
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    wake();
  });
  child.once('close', () => {
    ended = true;
    wake();
  });
  return {
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const at = lines.findIndex((line) => pattern.test(line));
          if (at === -1 && !ended) return;
          waiting.delete(look);
          if (at === -1) return reject(new Error(`${args[0]} ended before it said ${pattern}:\n${lines.join('\n')}`));
          const [line = ''] = lines.splice(at, 1);
          resolve(pattern.exec(line)?.[1] ?? '');
        };
        waiting.add(look);
        look();
      }),
    say: (text) => void child.stdin.write(`${text}\n`),
    stop: async () => {
      if (ended) return;
      const closed = once(child, 'close');
      child.kill('SIGTERM');
      await closed;
    },
  };
}
