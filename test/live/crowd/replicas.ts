// Replicas as processes of their own, `portico serve` on one Redis and one PostgreSQL: they can be killed.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { holdPort } from '../../../scripts/hold-port.ts';
import { startTied, type TiedProcess } from '../../../scripts/tied-process.ts';
import { ensureKey, keyDirectory } from '../../../src/core/adapters/keys/key-directory.ts';
import { accessTokens } from '../../../src/core/services/session/access-tokens.ts';
import { mintServiceToken } from '../../../src/core/services/session/service-tokens.ts';
import { devTls } from '../../../src/transport/tls/dev-certificates.ts';
import { systemClock } from '../../../src/wire/system-clock.ts';
import { quietLog } from '../../support/log.ts';
import { createMigratedDatabase } from '../../support/postgres/postgres.ts';
import type { RedisPlace } from '../../support/redis/redis.ts';
import { appUpstreams } from '../../support/server/app-upstreams.ts';
import { until } from '../../support/time/until.ts';

const issuer = 'portico';
const ttlMs = 3_600_000;
const startMostMs = 60_000;

export type Replica = {
  readonly port: number;
  readonly internalPort: number;
  readonly adminUrl: string;
  isUp(): boolean;
  /** Its resident set size. Bytes. */
  memory(): number;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** SIGTERM; resolved when it has ended. */
  terminate(): Promise<void>;
  /** Resolved when it is ready. */
  start(): Promise<void>;
};

export type Replicas = AsyncDisposable & {
  readonly all: readonly Replica[];
  readonly ca: string;
  readonly serviceToken: string;
  token(user: string): Promise<string>;
};

export type ReplicasOptions = {
  /** How each replica reaches Redis. */
  readonly places: readonly RedisPlace[];
  /** Of `live`. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Of `public`. */
  readonly front?: Readonly<Record<string, unknown>>;
  readonly drainGrace?: string;
  readonly drainSpread?: string;
  /** The folder of the Portico that is started; default: this one. */
  readonly checkout?: string;
};

export async function openReplicas({
  places,
  settings,
  front,
  drainGrace = '10s',
  drainSpread = '5s',
  checkout = resolve('.'),
}: ReplicasOptions): Promise<Replicas> {
  await using opening = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'portico-replicas-'));
  opening.defer(() => rmSync(folder, { recursive: true, force: true }));
  const database = await createMigratedDatabase();
  opening.defer(database.drop);
  const { caFile } = await devTls(join(folder, 'tls'), Date.now());
  const keysDir = join(folder, 'keys');
  ensureKey(keysDir);
  const keys = await keyDirectory(keysDir, systemClock, quietLog);
  opening.defer(() => keys.close());
  const signing = { keys, clock: systemClock, issuer, ttlMs };
  const common = {
    dataDir: folder,
    sql: { url: database.url },
    auth: { keysDir, issuer, refreshKey: 'a key of the tests, 32 characters', accessTokenTtl: '1h' },
    upstreams: appUpstreams,
    telemetry: { accessLog: 'none', logLevel: 'error' },
    drain: { grace: drainGrace, spread: drainSpread },
    live: settings,
  };
  const all = await Promise.all(
    places.map(async (redis, i) => {
      const ports = await Promise.all([holdPort(), holdPort(), holdPort()]);
      const config = join(folder, `replica-${i}.yaml`);
      const [publicAt, internal, admin] = ports.map((port) => ({ host: '127.0.0.1', port }));
      const tls = { certFile: join(folder, 'tls/cert.pem'), keyFile: join(folder, 'tls/key.pem') };
      writeFileSync(config, JSON.stringify({ ...common, redis, public: { ...front, ...publicAt, tls }, internal, admin }));
      return replicaOf(ports, [process.execPath, join(checkout, 'src/main.ts'), 'serve', '--config', config]);
    }),
  );
  opening.defer(async () => {
    await Promise.all(all.map((replica) => replica.kill()));
  });
  await Promise.all(all.map((replica) => replica.start()));
  const opened = opening.move();
  const mint = accessTokens({ ...signing, audience: issuer });
  return {
    all,
    ca: readFileSync(caFile, 'utf8'),
    serviceToken: await mintServiceToken('tests', signing),
    token: (user) => mint({ id: `session of ${user}`, userId: user, scopes: [], claims: {} }),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

function replicaOf([port, internalPort, adminPort]: readonly [number, number, number], command: readonly string[]): Replica {
  const adminUrl = `http://127.0.0.1:${adminPort}`;
  const kept = Object.entries(process.env).filter(([name]) => !/^(PORTICO_|OTEL_|DATABASE_URL|REDIS_URL|NODE_TEST_CONTEXT)/.test(name));
  let running: TiedProcess | undefined;
  let isReady = false;
  const end = async (signal: 'SIGKILL' | 'SIGTERM') => {
    const ending = running;
    running = undefined;
    isReady = false;
    if (ending === undefined) return;
    process.kill(ending.pid, signal);
    await until('it has ended', () => isGone(ending.pid), startMostMs);
    await ending.stop();
  };
  return {
    port,
    internalPort,
    adminUrl,
    isUp: () => isReady,
    memory: () => Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${running?.pid}/status`, 'utf8'))?.[1]) * 1_024,
    kill: () => end('SIGKILL'),
    terminate: () => end('SIGTERM'),
    start: async () => {
      running = await startTied(command, { signal: 'KILL', env: Object.fromEntries(kept), speaks: true });
      const ready = () =>
        fetch(`${adminUrl}/readyz`).then(
          ({ ok }) => ok,
          () => false,
        );
      await until('a replica is ready', ready, startMostMs);
      isReady = true;
    },
  };
}

function isGone(pid: number): boolean {
  try {
    return !process.kill(pid, 0);
  } catch {
    return true;
  }
}
