// The peer to compare with: Centrifugo, built from the Go module proxy at the version of test/bench/go/go.mod.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { holdPort } from '../../../scripts/hold-port.ts';
import { builtOnce } from '../../support/built-once.ts';
import { run } from '../../support/programs/programs.ts';
import { bareEnvironment, cpuSecondsOf } from '../process.ts';
import { payloadOf, topic } from './event.ts';

const root = resolve(import.meta.dirname, '../../..');
const module = join(root, 'test/bench/go');
/** The longest that a first build may take: it downloads modules. Milliseconds. */
const mostMs = 1_800_000;

export type Centrifugo = {
  readonly port: number;
  cpuSeconds(): number;
  /** Publishes events from n on, one after the other, by its HTTP API. */
  publish(n: number, count: number): Promise<void>;
  stop(): Promise<void>;
};

/** @returns the program; undefined on a machine without Go */
export async function buildCentrifugo(): Promise<string | undefined> {
  if (!(process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, 'go')))) return undefined;
  const env = { GOTOOLCHAIN: 'local', GOFLAGS: '-mod=readonly -buildvcs=false' };
  const version = await run('go', ['version'], { env });
  const folder = await builtOnce('bench/go', ['test/bench/go'], version, async (to) => {
    await run('go', ['install', 'tool'], { cwd: module, env: { ...env, GOBIN: to }, mostMs });
  });
  return join(folder, 'centrifugo');
}

/** With TLS, history and recovery as Portico's topics have them, in memory, on one core. */
export async function startCentrifugo(
  program: string,
  { folder, core, certFile, keyFile }: { readonly folder: string; readonly core: number; readonly certFile: string; readonly keyFile: string },
): Promise<Centrifugo> {
  const [port, internalPort] = [await holdPort(), await holdPort()];
  const config = join(folder, 'centrifugo.json');
  const settings = {
    http_server: {
      address: '127.0.0.1',
      port: String(port),
      internal_address: '127.0.0.1',
      internal_port: String(internalPort),
      tls_external: true,
      tls: { enabled: true, cert_pem: certFile, key_pem: keyFile },
    },
    client: { insecure: true },
    http_api: { insecure: true },
    channel: {
      namespaces: [
        {
          name: topic.split(':')[0],
          allow_subscribe_for_client: true,
          history_size: 100,
          history_ttl: '300s',
          force_positioning: true,
          force_recovery: true,
        },
      ],
    },
    health: { enabled: true },
    log: { level: 'error' },
  };
  writeFileSync(config, JSON.stringify(settings));
  const child: ChildProcess = spawn('taskset', ['-c', String(core), program, '--config', config], {
    env: { ...bareEnvironment(), GOMAXPROCS: '1' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const url = `http://127.0.0.1:${internalPort}`;
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  for (let i = 0; ; i++) {
    const ok = await fetch(`${url}/health`).then(
      (response) => response.ok,
      () => false,
    );
    if (ok) break;
    if (i > 200 || child.exitCode !== null) {
      await stop();
      throw new Error('Centrifugo did not start.');
    }
    await new Promise((again) => setTimeout(again, 100));
  }
  const pid = child.pid ?? 0;
  return {
    port,
    cpuSeconds: () => cpuSecondsOf(pid),
    publish: async (n, count) => {
      for (let i = 0; i < count; i++) {
        const body = JSON.stringify({ channel: topic, b64data: payloadOf(n + i).toString('base64') });
        const response = await fetch(`${url}/api/publish`, { method: 'POST', body });
        const said = (await response.json()) as { readonly error?: unknown };
        if (!response.ok || said.error !== undefined) throw new Error(`Centrifugo refused an event: ${JSON.stringify(said)}`);
      }
    },
    stop,
  };
}
