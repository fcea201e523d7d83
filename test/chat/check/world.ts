// What a check runs on, and how it fails: a cluster of replicas on a PostgreSQL and a Redis of its own, with a network
// between all of them; or one replica with everything embedded.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { openRoughNetwork, type RoughNetwork } from '../../support/link/rough-network.ts';
import { migrateDatabase } from '../../support/postgres/postgres.ts';
import { startPostgresServer } from '../../support/postgres/postgres-server.ts';
import { ownPrefix, startRedisServer } from '../../support/redis/redis.ts';
import { seeded } from '../../support/time/seeded.ts';
import { type Replicas, startReplicas } from './replicas.ts';

export type World = AsyncDisposable & {
  readonly replicas: Replicas;
  /** Each ends when what it did is over, except for connections that pass nothing on. */
  readonly faults: Readonly<Record<string, () => Promise<void>>>;
  /** Ends what faults have left. */
  heal(): void;
  /** Of a database that can be restored from an older backup. */
  readonly backup?: { take(): Promise<void>; restore(): Promise<void> };
};

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** One clock is ten minutes off. */
const offMs = 600_000;

/**
 * @param seed of what is left to chance: each part has its own, so that the number of connections does not change the
 * rest
 * @param olderRoot of another release, which the last replica is
 */
export async function openCluster(replicasCount: number, seed: number, olderRoot?: string): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const random = seeded(seed);
  const postgres = await startPostgresServer({ durable: true });
  stack.defer(postgres.stop);
  await migrateDatabase(postgres.url);
  const redis = await startRedisServer({ config: ['maxmemory-policy noeviction'] });
  stack.defer(redis.stop);
  const toPostgres = stack.use(await openRoughNetwork([postgres.port], seeded(seed + 1)));
  const toRedis = stack.use(await openRoughNetwork([redis.port], seeded(seed + 2)));
  const dataDir = temporaryFolder(stack);
  const databaseUrl = Object.assign(new URL(postgres.url), { port: String(toPostgres.port) }).href;
  const shared = { databaseUrl, dataDir, redis: { mode: 'single', nodes: [`127.0.0.1:${toRedis.port}`], prefix: ownPrefix() } } as const;
  const last = replicasCount - 1;
  const wished = Array.from({ length: replicasCount }, (_, n) => (n === last ? { clockMs: offMs, root: olderRoot } : { clockMs: 0 }));
  const replicas = stack.use(await startReplicas(shared, wished, seeded(seed + 3)));
  const kept = stack.move();
  return {
    replicas,
    faults: {
      'replica killed': () => replicas.kill(1 + Math.floor(random() * (replicasCount - 1)), random() * 500), // the first answers the check itself
      'Redis restarted': async () => {
        await redis.kill();
        await pause(random() * 800);
        await redis.restart();
      },
      'Redis hung': async () => {
        redis.hang();
        await pause(300 + random() * 700);
        redis.continue();
      },
      'PostgreSQL crashed': async () => {
        await postgres.crash();
        await pause(random() * 500);
        await postgres.start();
      },
      'connections to PostgreSQL ended by it': () => endConnections(postgres.url),
      ...networkFaults('clients', replicas.network, 4_000, random),
      ...networkFaults('PostgreSQL', toPostgres, Number.POSITIVE_INFINITY, random),
      ...networkFaults('Redis', toRedis, Number.POSITIVE_INFINITY, random),
    },
    heal: () => {
      replicas.network.heal(); // what is lost between the servers stays lost: they notice by themselves
    },
    backup: { take: postgres.backUp, restore: postgres.restore },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** `portico dev`: PGlite, and nothing beside the process. */
export async function openEmbedded(seed: number): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const random = seeded(seed);
  const replicas = stack.use(await startReplicas({ databaseUrl: '', dataDir: temporaryFolder(stack) }, [{ clockMs: 0 }], seeded(seed + 3)));
  const kept = stack.move();
  return {
    replicas,
    faults: {
      'process killed': () => replicas.kill(0, random() * 500),
      ...networkFaults('clients', replicas.network, 4_000, random),
    },
    heal: replicas.network.heal,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** @param mostMs how long a connection passes nothing on */
function networkFaults(name: string, network: RoughNetwork, mostMs: number, random: () => number): World['faults'] {
  const some = () => 1 + Math.floor(random() * 0.3 * network.connections());
  return {
    [`connections of ${name} cut`]: async () => network.cut(some()),
    [`connections of ${name} black-holed`]: async () => network.swallow(some(), mostMs),
    [`connections of ${name} half-open`]: async () => network.swallow(some(), mostMs, random() < 0.5 ? 'there' : 'back'),
  };
}

async function endConnections(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'`);
  await client.end();
}

function temporaryFolder(stack: AsyncDisposableStack): string {
  const folder = mkdtempSync(join(tmpdir(), 'portico-check-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
