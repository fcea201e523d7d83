// A terminal of tmux with a shell in it: what a person types and reads.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installed } from './installed.ts';
import { run } from './programs.ts';

export type Terminal = {
  /** Types text or keys, such as "Enter". */
  type(...keys: readonly string[]): void;
  /** What it shows: a line that the terminal has wrapped is one line. */
  screen(): Promise<string>;
  /** Whether it shows the alternate screen, and whether it shows the cursor. */
  modes(): Promise<{ readonly alternate: boolean; readonly cursor: boolean }>;
  close(): Promise<void>;
};

export async function openTerminal({
  cwd,
  env,
  columns,
  rows,
}: {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly columns: number;
  readonly rows: number;
}): Promise<Terminal> {
  const program = installed('tmux');
  const folder = mkdtempSync(join(tmpdir(), 'portico-terminal-'));
  const set = Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
  // a server of its own, without the configuration of whoever runs the tests
  const tmux = (...args: readonly string[]) =>
    run(program, ['-f', '/dev/null', '-S', join(folder, 'socket'), ...args], { cwd, env: { ...set, LC_ALL: 'C.UTF-8', PS1: '$ ' } });
  await tmux('new-session', '-d', '-x', String(columns), '-y', String(rows), 'sh');
  let typing: Promise<unknown> = Promise.resolve();
  return {
    type: (...keys) => {
      typing = typing.then(() => tmux('send-keys', ...keys));
    },
    screen: async () => {
      await typing;
      return tmux('capture-pane', '-p', '-J');
    },
    modes: async () => {
      const [alternate, cursor] = (await tmux('display-message', '-p', '#{alternate_on} #{cursor_flag}')).trim().split(' ');
      return { alternate: alternate === '1', cursor: cursor === '1' };
    },
    close: async () => {
      await tmux('kill-server');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
