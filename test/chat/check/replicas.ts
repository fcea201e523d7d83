// Replicas as processes, each of which may be killed and comes back, and a network before them for clients.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
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

const file = join(import.meta.dirname, 'replica.ts');

/** @param clocksMs one replica for each: how far its clock is off */
export async function startReplicas(shared: Shared, clocksMs: readonly number[], random: () => number): Promise<Replicas> {
  const died: string[] = [];
  const start = async (clockMs: number) => {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env; // it is no part of a test run
    const started = startProcess(process.execPath, [file, JSON.stringify({ ...shared, clockMs })], { cwd: shared.dataDir, env });
    void started.ended.then(({ code, stderr }) => code !== null && died.push(`a replica ended by itself with ${code}: ${stderr.slice(0, 1_000)}`));
    const [, url = ''] = await started.until(/ready (\S+)/);
    return { process: started, url, clockMs };
  };
  const running: { process: Running; url: string; readonly clockMs: number }[] = [];
  for (const clockMs of clocksMs) running.push(await start(clockMs));
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
      Object.assign(replica, await start(replica.clockMs));
      network.leadTo(ports());
    },
    [Symbol.asyncDispose]: async () => {
      for (const replica of running) replica.process.signal('SIGKILL');
      await Promise.all(running.map((replica) => replica.process.ended));
      await network[Symbol.asyncDispose]();
    },
  };
}
