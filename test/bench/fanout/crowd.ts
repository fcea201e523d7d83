// Many clients of one server, in processes of their own, whose CPU time does not count.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export type CrowdOptions = {
  /** How they speak. */
  readonly kind: 'live' | 'centrifugo';
  readonly port: number;
  readonly caFile: string;
  readonly path: string;
  readonly clients: number;
  readonly tokens: readonly string[];
  /** Watch this method instead of listening to the topic. */
  readonly watch?: string | undefined;
};

export type Crowd = {
  /** Resolved when every client has event n. @throws Error when a client received something else, or was cut off */
  reached(n: number): Promise<void>;
  close(): Promise<void>;
};

const processes = 2;
const longMs = 60_000;

/** Opens the clients; resolved when all of them are subscribed. */
export async function openCrowd(folder: string, core: number, { clients, tokens, ...options }: CrowdOptions): Promise<Crowd> {
  const parts = clients < 50 ? 1 : processes;
  const each = clients / parts;
  const opened = await Promise.all(
    Array.from({ length: parts }, (_, i) => {
      const file = join(folder, `crowd-${options.port}-${i}.json`);
      writeFileSync(file, JSON.stringify({ ...options, clients: each, tokens: tokens.slice(i * each, (i + 1) * each) }));
      return openPart(file, core);
    }),
  );
  return {
    reached: async (n) => {
      for (const part of opened) await part.wait(n);
    },
    close: async () => {
      for (const part of opened) await part.close();
    },
  };
}

async function openPart(file: string, core: number) {
  const child: ChildProcess = spawn('taskset', ['-c', String(core), process.execPath, join(import.meta.dirname, 'crowd-main.ts'), file], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  if (child.stdout === null) throw new Error('no output');
  let most = -2;
  let wrong: string | undefined;
  let wake = () => {};
  createInterface({ input: child.stdout }).on('line', (line) => {
    const said = JSON.parse(line) as { readonly ready?: true; readonly reached?: number; readonly wrong?: string };
    if (said.ready === true) most = Math.max(most, -1);
    if (said.reached !== undefined) most = said.reached;
    wrong ??= said.wrong;
    wake();
  });
  child.once('exit', (code) => {
    wrong ??= `the clients' process ended with ${code}`;
    wake();
  });
  const wait = async (n: number) => {
    const untilMs = performance.now() + longMs;
    while (most < n) {
      if (wrong !== undefined) throw new Error(`A client of ${file}: ${wrong}`);
      if (performance.now() > untilMs) throw new Error(`Not all clients of ${file} received event ${n}: ${most}`);
      await new Promise<void>((resolve) => {
        wake = resolve;
        setTimeout(resolve, 1_000);
      });
    }
  };
  try {
    await wait(-1);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  return {
    wait,
    close: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}
