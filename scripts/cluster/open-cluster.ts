// Replicas of `portico serve` as one, each a process, and all that they need: PostgreSQL and Redis (those of DATABASE_URL
// and REDIS_URL, or own ones in temporary folders), the sample company, an identity provider, and a TCP balancer.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRemoteJWKSet } from 'jose';
import { ensureKey } from '../../src/core/adapters/keys/key-directory.ts';
import { openCompany, sampleCompany } from '../../src/sample/company.ts';
import { devTls } from '../../src/transport/tls/dev-certificates.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { holdPort } from '../hold-port.ts';
import { openBalancer } from './balancer.ts';
import type { Closers } from './closers.ts';
import { openIdentityProvider } from './identity-provider.ts';
import { portico, type Server, serve, type Variables } from './processes.ts';

export type ClusterOptions = {
  /** Where the balancer and the identity provider listen, and their ports; 0 takes a free one. */
  readonly host: string;
  readonly port: number;
  readonly identityPort: number;
  /** What the replicas print: debug, info, warn, error. */
  readonly log: string;
  /** Keeps certificates and keys; unset: a temporary one. */
  readonly folder?: string | undefined;
  /** The `src/main.ts` of the release that makes the schema; unset: that of this tree. */
  readonly migrateBy?: string;
  readonly replicas: readonly {
    /** Its `src/main.ts`, of whatever release; unset: that of this tree. */
    readonly main?: string;
    /** More settings. */
    readonly variables?: Variables;
  }[];
};

export type Replica = {
  /** "https://localhost:41234", without the balancer. */
  readonly url: string;
  readonly internalUrl: string;
  readonly adminUrl: string;
  readonly pid: () => number | undefined;
  /** SIGTERM, and waits for the end. */
  stop(): Promise<void>;
  /** Starts it again on its ports, and waits until it is ready. @param main of another release */
  start(main?: string): Promise<void>;
};

export type Cluster = {
  /** Of the balancer: "https://localhost:41234". */
  readonly url: string;
  /** Of the balancer for internal services: "localhost:41235". */
  readonly internalAddress: string;
  readonly identityUrl: string;
  readonly caFile: string;
  /** Of an internal service. */
  readonly serviceToken: string;
  readonly replicas: readonly Replica[];
  /** Runs `portico migrate` of this tree. @returns what it printed */
  migrate(): Promise<string>;
};

/** `iss` of the replicas' tokens. */
const issuer = 'portico-cluster';

/** Starts all. @param closers end what was begun, also when the start fails */
export async function openCluster(options: ClusterOptions, closers: Closers): Promise<Cluster> {
  const { host, port, identityPort, log, folder, migrateBy, replicas } = options;
  const dataDir = folder ?? temporaryFolder(closers);
  const [database, redis, { caFile }, provider] = await Promise.all([
    databaseUrl(closers),
    redisUrl(closers),
    devTls(join(dataDir, 'tls'), Date.now()),
    openIdentityProvider({ host, port: identityPort }),
  ]);
  closers.add(() => provider.close());
  ensureKey(join(dataDir, 'keys'));
  const ports = await Promise.all(replicas.map(async () => ({ public: await holdPort(), internal: await holdPort(), admin: await holdPort() })));
  const [first = { admin: 0 }] = ports;
  const keys = createRemoteJWKSet(new URL(`http://127.0.0.1:${first.admin}/.well-known/jwks.json`));
  const company = await openCompany({ clock: systemClock, keys, issuer });
  closers.add(() => company.close());
  const common: Variables = {
    DATABASE_URL: database,
    REDIS_URL: redis,
    PORTICO_REDIS__PREFIX: `cluster-${randomBytes(4).toString('hex')}:`,
    PORTICO_DATA_DIR: dataDir,
    PORTICO_AUTH__ISSUER: issuer,
    PORTICO_AUTH__KEYS_DIR: join(dataDir, 'keys'),
    PORTICO_AUTH__REFRESH_KEY: randomBytes(32).toString('hex'),
    PORTICO_AUTH__ID_TOKEN_ISSUERS: JSON.stringify(provider.issuers),
    PORTICO_PUBLIC__TLS__CERT_FILE: join(dataDir, 'tls/cert.pem'),
    PORTICO_PUBLIC__TLS__KEY_FILE: join(dataDir, 'tls/key.pem'),
    PORTICO_UPSTREAMS: JSON.stringify(Object.fromEntries(Object.entries(company.addresses).map(([name, address]) => [name, { address }]))),
    PORTICO_LIVE__NAMESPACES: JSON.stringify(sampleNamespaces),
    PORTICO_TELEMETRY__LOG_LEVEL: log,
    PORTICO_TELEMETRY__ACCESS_LOG: 'none',
    ...Object.fromEntries(['PUBLIC', 'INTERNAL', 'ADMIN'].map((listener) => [`PORTICO_${listener}__HOST`, '127.0.0.1'])),
  };
  await portico(['migrate'], common, migrateBy);
  const opened = await Promise.all(
    replicas.map(async ({ main, variables }, i) => {
      const own = ports[i] ?? { public: 0, internal: 0, admin: 0 };
      const ofListeners = Object.entries(own).map(([listener, number]) => [`PORTICO_${listener.toUpperCase()}__PORT`, String(number)]);
      const at = {
        url: `https://localhost:${own.public}`,
        internalUrl: `https://localhost:${own.internal}`,
        adminUrl: `http://127.0.0.1:${own.admin}`,
      };
      const replica = openReplica(at, (other = main) => serve({ ...common, ...Object.fromEntries(ofListeners), ...variables }, other));
      closers.add(replica.stop);
      await replica.start();
      return { ...replica, ports: own, readyUrl: `${replica.adminUrl}/readyz` };
    }),
  );
  const serviceToken = (await portico(['token', 'sample', '--ttl', '720h'], common)).trim();
  const balanced = async (listener: 'public' | 'internal', at: { readonly host: string; readonly port: number }) => {
    const balancer = await openBalancer(
      opened.map(({ ports, readyUrl }) => ({ port: ports[listener], readyUrl })),
      at,
    );
    closers.add(() => balancer.close());
    return `localhost:${balancer.port}`;
  };
  const internalAddress = await balanced('internal', { host: '127.0.0.1', port: 0 });
  const url = `https://${await balanced('public', { host, port })}`;
  company.publishTo({ address: internalAddress, caFile, token: serviceToken });
  return { url, internalAddress, identityUrl: provider.url, caFile, serviceToken, replicas: opened, migrate: () => portico(['migrate'], common) };
}

const { historyAge, ...delivery } = sampleCompany.namespaces.delivery;
/** Of the sample company, as `live.namespaces`. */
export const sampleNamespaces = { delivery: { ...delivery, historyAge: `${historyAge}ms` } };

function openReplica(at: Pick<Replica, 'url' | 'internalUrl' | 'adminUrl'>, begin: (main?: string) => Promise<Server>): Replica {
  let server: Server | undefined;
  return {
    ...at,
    pid: () => server?.pid,
    stop: async () => {
      await server?.stop();
      server = undefined;
    },
    start: async (main) => {
      server = await begin(main);
      await ready(server, `${at.adminUrl}/readyz`);
    },
  };
}

async function ready(server: Server, readyUrl: string): Promise<void> {
  for (let i = 0; i < 300; i++) {
    if (server.isGone()) throw new Error('A replica ended before it was ready.');
    const isReady = await fetch(readyUrl).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isReady) return;
    await new Promise((again) => setTimeout(again, 100));
  }
  throw new Error(`A replica never became ready: ${readyUrl}`);
}

async function databaseUrl(closers: Closers): Promise<string> {
  if (process.env.DATABASE_URL !== undefined) return process.env.DATABASE_URL;
  const { createDatabase, startPostgres } = await import('../../test/support/postgres/postgres.ts');
  const server = await startPostgres();
  closers.add(() => server.stop());
  process.env.PORTICO_TEST_POSTGRES_URL = server.url;
  const database = await createDatabase();
  closers.add(() => database.drop());
  return database.url;
}

async function redisUrl(closers: Closers): Promise<string> {
  if (process.env.REDIS_URL !== undefined) return process.env.REDIS_URL;
  const { startRedisServer } = await import('../../test/support/redis/redis-server.ts');
  const server = await startRedisServer();
  closers.add(() => server.stop());
  return `redis://${server.address}`;
}

function temporaryFolder(closers: Closers): string {
  const folder = mkdtempSync(join(tmpdir(), 'portico-cluster-'));
  closers.add(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
