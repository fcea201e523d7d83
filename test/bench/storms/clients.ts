// Clients of `storms` in a process of their own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export type ClientsOptions = {
  readonly port: number;
  readonly caFile: string;
  readonly token: string;
  readonly clients: number;
  readonly topics: readonly string[];
  /** How many orders they watch: client i watches order i modulo that. */
  readonly orders: number;
};

/** What all clients are to have, besides an open stream. */
export type Wait = { readonly name: string; readonly offset: number; readonly content: string };

/** How many were recovered, and how often one was cut off and tried again. */
export type Opened = { readonly recovered: number; readonly retries: number };

export type Clients = {
  /** Opens all streams at once, with positions and etags; resolved when all have what is waited for. */
  open(wait: Wait): Promise<Opened>;
  /** @returns when all have it */
  have(wait: Wait): Promise<unknown>;
  /** Cuts all connections. */
  cut(): Promise<void>;
  close(): Promise<void>;
};

const longMs = 300_000;
/** They yield to what measures on their core, and get on beside others: at 19 a busy machine would stop them. */
const niceness = 5;

export function openClients(folder: string, core: number, options: ClientsOptions): Clients {
  const file = join(folder, `storm-clients-${options.port}.json`);
  writeFileSync(file, JSON.stringify(options));
  const command = ['-n', String(niceness), 'taskset', '-c', String(core), process.execPath, join(import.meta.dirname, 'clients-main.ts'), file];
  const child = spawn('nice', command, { stdio: ['pipe', 'pipe', 'inherit'] });
  const done = new Map<string, (line: Partial<Opened>) => void>();
  let fail: (error: Error) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => {});
  createInterface({ input: child.stdout }).on('line', (text) => {
    const line = JSON.parse(text) as { readonly wrong?: string; readonly done?: string } & Partial<Opened>;
    if (line.wrong !== undefined) fail(new Error(line.wrong));
    if (line.done !== undefined) done.get(line.done)?.(line);
  });
  child.once('exit', (code) => fail(new Error(`the clients' process ended with ${code}`)));
  const ask = async (command: Readonly<Record<string, unknown>>, name: string) => {
    const answered = new Promise<Partial<Opened>>((resolve) => done.set(name, resolve));
    child.stdin.write(`${JSON.stringify(command)}\n`);
    const late = new Promise<never>((_, reject) => {
      setTimeout(() => reject(new Error(`Not all clients have it within ${longMs} ms: ${name}`)), longMs).unref();
    });
    return await Promise.race([answered, failed, late]);
  };
  return {
    open: async (wait) => {
      const { recovered = 0, retries = 0 } = await ask({ do: 'open', wait }, wait.name);
      return { recovered, retries };
    },
    have: (wait) => ask({ do: 'wait', wait }, wait.name),
    cut: async () => void (await ask({ do: 'cut' }, 'cut')),
    close: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}
