// What a measured Portico needs around it: `portico serve` over TLS on one core; PostgreSQL, a collector of spans and metrics, and the internal services elsewhere.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ensureKey, keyDirectory } from '../../src/core/adapters/keys/key-directory.ts';
import { accessTokens } from '../../src/core/services/session/access-tokens.ts';
import { mintServiceToken } from '../../src/core/services/session/service-tokens.ts';
import { upstreamTokens } from '../../src/core/services/session/upstream-tokens.ts';
import { devTls } from '../../src/transport/tls/dev-certificates.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { globalSetup, globalTeardown } from '../support/global-setup.ts';
import { quietLog } from '../support/log.ts';
import { createMigratedDatabase } from '../support/postgres/postgres.ts';
import { type Measured, startPinned } from './process.ts';

const root = resolve(import.meta.dirname, '../..');
const server = (file: string) => join(import.meta.dirname, 'servers', file);
const issuer = 'portico';
const tokenTtlMs = 3_600_000;

export type Cores = { readonly server: number; readonly load: number };

export type Harness = AsyncDisposable & {
  readonly portico: Measured;
  readonly port: number;
  readonly ca: Buffer;
  readonly folder: string;
  readonly databaseUrl: string;
  /** Of `portico`; those of a replica replace sections of them. */
  readonly settings: Readonly<Record<'public' | 'auth' | 'upstreams', Readonly<Record<string, unknown>>>>;
  /** What servers of the benchmark read from their environment. */
  readonly env: Readonly<Record<string, string>>;
  /** An access token of this user, as SignIn would give. */
  token(user: string, scopes?: readonly string[]): Promise<string>;
  /** Portico's metrics, one value for each line of the exposition. */
  metrics(): Promise<ReadonlyMap<string, number>>;
  /** Exports that the collector has got so far, by what they hold. */
  readonly exports: Readonly<Record<'traces' | 'metrics', number>>;
  /** Starts a server to compare with, a file of `servers`, on the server's core, with the same certificate. */
  contestant(file: string, env?: Readonly<Record<string, string>>): Promise<Measured & { readonly port: number }>;
  /**
   * Starts one more Portico on the server's core, with the same database and other settings besides.
   * @param checkout the folder of the Portico that is started; default: this one
   * @param core the CPUs it may use instead, such as "0,1"
   */
  replica(settings: Readonly<Record<string, unknown>>, checkout?: string, core?: string): Promise<Replica>;
};

export type Replica = Measured & {
  readonly port: number;
  readonly internalPort: number;
  metrics(): Promise<ReadonlyMap<string, number>>;
  /** A token by which an internal service may call the internal listener. */
  serviceToken(): Promise<string>;
};

/** Opens everything on free ports of loopback, in a temporary folder. @param nodeArgs flags of the Node that runs Portico */
export async function openHarness(cores: Cores, nodeArgs: (folder: string) => readonly string[] = () => []): Promise<Harness> {
  await using onFailure = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'portico-bench-'));
  onFailure.defer(() => rmSync(folder, { recursive: true, force: true }));
  const tls = await devTls(join(folder, 'tls'), Date.now());
  const files = { key: join(folder, 'tls/key.pem'), cert: join(folder, 'tls/cert.pem'), ca: tls.caFile };
  const keysDir = join(folder, 'keys');
  ensureKey(keysDir);
  const keys = await keyDirectory(keysDir, systemClock, quietLog);
  onFailure.defer(() => keys.close());
  const jwksFile = join(folder, 'jwks.json');
  writeFileSync(jwksFile, JSON.stringify(keys.jwks()));
  const signing = { keys, clock: systemClock, issuer };
  const bench = {
    BENCH_TLS_KEY: files.key,
    BENCH_TLS_CERT: files.cert,
    BENCH_TLS_CA: files.ca,
    BENCH_JWKS: jwksFile,
    BENCH_INTERNAL_TOKEN: await upstreamTokens(signing)('accounts', undefined),
  };

  const upstreams = await startPinned(server('upstreams.ts'), { core: cores.load, env: bench });
  onFailure.defer(() => upstreams.stop());
  const addresses = upstreams.ready.addresses as Readonly<Record<string, string>>;
  await globalSetup();
  onFailure.defer(globalTeardown);
  const database = await createMigratedDatabase();
  const collector = await openCollector();
  onFailure.defer(() => collector.close());
  const settings = {
    public: { host: '127.0.0.1', port: 0, tls: { certFile: files.cert, keyFile: files.key } },
    internal: { host: '127.0.0.1', port: 0 },
    admin: { host: '127.0.0.1', port: 0 },
    dataDir: folder,
    sql: { url: database.url },
    auth: { keysDir, issuer, refreshKey: 'a key of the benchmark, 32 characters', accessTokenTtl: '1h' },
    upstreams: Object.fromEntries(Object.entries(addresses).map(([name, address]) => [name, { address, tls: { caFile: files.ca } }])),
    telemetry: { accessLog: '/dev/null', sampleRatio: 0.01 },
  };
  const start = async (name: string, more: Readonly<Record<string, unknown>> = {}, checkout = root, core: number | string = cores.server) => {
    const config = join(folder, `${name}.yaml`);
    writeFileSync(config, JSON.stringify({ ...settings, ...more }));
    const started = await startPinned(join(checkout, 'src/main.ts'), {
      core,
      args: ['serve', '--config', config],
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, NODE_ENV: 'production' },
      nodeArgs: nodeArgs(folder),
      isReady: (line) => line.urls !== undefined,
    });
    return { started, urls: started.ready.urls as { readonly public: string; readonly internal: string; readonly admin: string } };
  };
  const { started: portico, urls } = await start('portico');
  onFailure.defer(() => portico.stop());
  await untilReady(urls.admin);
  const opened = onFailure.move();
  let replicas = 0;
  return {
    portico,
    port: Number(new URL(urls.public).port),
    ca: readFileSync(files.ca),
    folder,
    databaseUrl: database.url,
    settings,
    env: bench,
    token: (user, scopes = ['home.read']) => {
      const mint = accessTokens({ ...signing, audience: issuer, ttlMs: tokenTtlMs });
      return mint({ id: `session of ${user}`, userId: user, scopes: [...scopes], claims: {} });
    },
    metrics: () => metricsOf(urls.admin),
    replica: async (more, checkout, core) => {
      const { started, urls } = await start(`replica-${replicas++}`, more, checkout, core);
      opened.defer(() => started.stop());
      await untilReady(urls.admin);
      return {
        ...started,
        port: Number(new URL(urls.public).port),
        internalPort: Number(new URL(urls.internal).port),
        metrics: () => metricsOf(urls.admin),
        serviceToken: () => mintServiceToken('bench', { ...signing, ttlMs: tokenTtlMs }),
      };
    },
    exports: collector.exports,
    contestant: async (file, env = {}) => {
      const measured = await startPinned(server(file), {
        core: cores.server,
        env: { ...bench, ...env, BENCH_UPSTREAMS: JSON.stringify(addresses), NODE_ENV: 'production' },
      });
      opened.defer(() => measured.stop());
      return { ...measured, port: Number(measured.ready.port) };
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

export async function untilReady(adminUrl: string): Promise<void> {
  for (let i = 0; i < 3_000; i++) {
    const ok = await fetch(`${adminUrl.replace('localhost', '127.0.0.1')}/readyz`).then(
      (response) => response.ok,
      () => false,
    );
    if (ok) return;
    await new Promise((again) => setTimeout(again, 10));
  }
  throw new Error(`${adminUrl}/readyz did not become ready within 30 s.`);
}

/** Takes what Portico exports by OTLP, so that spans and metrics really leave the process. */
async function openCollector() {
  const exports = { traces: 0, metrics: 0 };
  const http = createServer((request, response) => {
    request.resume().on('end', () => {
      if (request.url?.endsWith('/traces')) exports.traces++;
      else exports.metrics++;
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  await new Promise<void>((listening) => http.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    exports,
    close: () => {
      http.closeAllConnections();
      http.close();
    },
  };
}

async function metricsOf(adminUrl: string) {
  // Each on its own connection: one that waited for the next scrape may just be being closed.
  return parse(await (await fetch(`${adminUrl}/metrics`, { headers: { connection: 'close' } })).text());
}

function parse(exposition: string): ReadonlyMap<string, number> {
  const lines = exposition.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]));
}
