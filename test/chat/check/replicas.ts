// Replicas as processes, each of which may be killed and comes back, and a network before them for clients.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { openRoughNetwork, type RoughNetwork } from '../../support/link/rough-network.ts';
import type { RedisPlace } from '../../support/redis/redis.ts';
import { type Running, startProcess } from '../../support/server/process.ts';
import type { TestServer } from '../../support/server/test-server.ts';

export type Shared = { readonly databaseUrl: string; readonly dataDir: string; readonly redis?: RedisPlace };
export type Replicas = AsyncDisposable & {
  readonly network: RoughNetwork;
  /** For clients: by the network, to any replica. */
  readonly url: string;
  /** For the check's own calls: straight to the first replica. */
  readonly server: TestServer;
  /** Kills one, and starts it again. */
  kill(number: number, awayMs: number): Promise<void>;
  /** What ended by itself. */
  readonly died: readonly string[];
};

export type Replica = {
  /** How far its clock is off. */
  readonly clockMs: number;
  /** Of its release; default: this one. */
  readonly root?: string | undefined;
};

const file = 'test/chat/check/replica.ts';
const ownRoot = resolve(import.meta.dirname, '../../..');

export async function startReplicas(shared: Shared, wished: readonly Replica[], random: () => number): Promise<Replicas> {
  const died: string[] = [];
  const start = async ({ clockMs, root = ownRoot }: Replica) => {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env; // it is no part of a test run
    const started = startProcess(process.execPath, [join(root, file), JSON.stringify({ ...shared, clockMs })], { cwd: shared.dataDir, env });
    void started.ended.then(({ code, stderr }) => code !== null && died.push(`a replica ended by itself with ${code}: ${stderr.slice(0, 1_000)}`));
    const [, url = ''] = await started.until(/ready (\S+)/);
    return { process: started, url, clockMs, root };
  };
  const running: (Replica & { process: Running; url: string })[] = [];
  for (const replica of wished) running.push(await start(replica));
  const ports = () => running.map(({ url }) => Number(new URL(url).port));
  const network = await openRoughNetwork(ports(), random);
  const ca = readFileSync(join(shared.dataDir, 'tls/ca.pem'), 'utf8');
  return {
    network,
    died,
    url: `https://localhost:${network.port}`,
    server: {
      ca,
      get url() {
        return running[0]?.url ?? '';
      },
    } as TestServer,
    kill: async (number, awayMs) => {
      const replica = running[number];
      if (replica === undefined) return;
      replica.process.signal('SIGKILL');
      await replica.process.ended;
      await new Promise((resolve) => setTimeout(resolve, awayMs));
      Object.assign(replica, await start(replica));
      network.leadTo(ports());
    },
    [Symbol.asyncDispose]: async () => {
      for (const replica of running) replica.process.signal('SIGKILL');
      await Promise.all(running.map((replica) => replica.process.ended));
      await network[Symbol.asyncDispose]();
    },
  };
}
