// A process of its own, known by what it prints.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

export type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string };
export type Running = {
  readonly pid: number;
  /** What it has printed so far. */
  output(): string;
  /** Resolved when what it printed matches. @throws Error with the output when it ends before */
  until(pattern: RegExp): Promise<RegExpExecArray>;
  /** The pattern's first group in the first line of its stdout that fits and that was not asked for before; waits for it. @throws Error as above */
  line(pattern: RegExp): Promise<string>;
  /** Writes a line to its standard input. */
  say(text: string): void;
  signal(name: NodeJS.Signals): void;
  /** SIGTERM, and waits for the end. */
  stop(): Promise<void>;
  readonly ended: Promise<Ended>;
};
export type ProcessOptions = {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** What it says on stderr is shown, too. */
  readonly shown?: boolean;
};

/** Starts a program. */
export function startProcess(program: string, args: readonly string[], { cwd, env, shown = false }: ProcessOptions): Running {
  const child = spawn(program, args, { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  let isOver = false;
  const watchers = new Set<() => void>();
  const wake = () => {
    for (const look of [...watchers]) look();
  };
  child.stdin.on('error', () => {}); // it ended before it read what was said
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    wake();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    if (shown) process.stderr.write(text);
    wake();
  });
  const ended = once(child, 'close').then(([code]: unknown[]): Ended => {
    isOver = true;
    wake();
    return { code: code as number | null, stdout, stderr };
  });
  const output = () => stdout + stderr;
  const whenFound = <Found>(pattern: RegExp, find: () => Found | null) =>
    new Promise<Found>((resolve, reject) => {
      const look = () => {
        const found = find();
        if (found === null && !isOver) return;
        watchers.delete(look);
        if (found === null) reject(new Error(`It ended before it printed ${pattern}:\n${output()}`));
        else resolve(found);
      };
      watchers.add(look);
      look();
    });
  const asked = new Set<number>();
  const nextLine = (pattern: RegExp): string | null => {
    const lines = stdout.split('\n').slice(0, -1);
    const at = lines.findIndex((line, i) => !asked.has(i) && pattern.test(line));
    if (at === -1) return null;
    asked.add(at);
    return pattern.exec(lines[at] ?? '')?.[1] ?? '';
  };
  return {
    pid: child.pid ?? 0,
    output,
    until: (pattern) => whenFound(pattern, () => pattern.exec(output())),
    line: (pattern) => whenFound(pattern, () => nextLine(pattern)),
    say: (text) => void child.stdin.write(`${text}\n`),
    signal: (name) => void child.kill(name),
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
    ended,
  };
}
