// Two replicas as one on a developer's machine, without Docker: `npm run cluster`. PostgreSQL and Redis (those of DATABASE_URL and REDIS_URL, or own ones in temporary folders), the
// sample company, an identity provider, `portico serve` twice, and a TCP balancer before them. Ctrl-C ends all of it.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createRemoteJWKSet } from 'jose';
import { ensureKey } from '../src/core/adapters/keys/key-directory.ts';
import { devTls } from '../src/transport/tls/dev-tls.ts';
import { openCompany } from '../src/sample/company.ts';
import { systemClock } from '../src/wire/system-clock.ts';
import { openBalancer } from './cluster/balancer.ts';
import { openIdentityProvider } from './cluster/identity-provider.ts';
import { portico, type Server, serve, type Variables } from './cluster/processes.ts';
import { holdPort } from './hold-port.ts';

const usage = `Usage: npm run cluster -- [options]

  --port N           the balancer's port, where clients call; default: 8443; 0 takes a free one
  --identity-port N  the identity provider's port; default: a free one
  --host ADDRESS     where both listen; default: 127.0.0.1
  --replicas N       how many; default: 2
  --log LEVEL        what the replicas say: debug, info, warn, error; default: warn
  --folder FOLDER    keeps certificates and keys; default: a temporary one

DATABASE_URL and REDIS_URL name a PostgreSQL and a Redis that are there already; unset, own ones are started, and installed where they are missing and that is allowed.`;

/** `iss` of the replicas' tokens. */
const issuer = 'portico-cluster';

const closers: (() => unknown)[] = [];
/** Ends what was begun, the last first. */
async function closeAll(): Promise<void> {
  for (const close of closers.splice(0).reverse()) await close();
}

async function databaseUrl(): Promise<string> {
  if (process.env.DATABASE_URL !== undefined) return process.env.DATABASE_URL;
  const { createDatabase, startPostgres } = await import('../test/support/postgres/postgres.ts');
  const server = await startPostgres();
  closers.push(() => server.stop());
  process.env.PORTICO_TEST_POSTGRES_URL = server.url;
  const database = await createDatabase();
  closers.push(() => database.drop());
  return database.url;
}

async function redisUrl(): Promise<string> {
  if (process.env.REDIS_URL !== undefined) return process.env.REDIS_URL;
  const { startRedisServer } = await import('../test/support/redis/redis-server.ts');
  const server = await startRedisServer();
  closers.push(() => server.stop());
  return `redis://${server.address}`;
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'portico-cluster-'));
  closers.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function start({ port, identityPort, host, count, log, folder = temporaryFolder() }: ReturnType<typeof optionsOf>): Promise<void> {
  const [database, redis, { caFile }, provider] = await Promise.all([
    databaseUrl(),
    redisUrl(),
    devTls(join(folder, 'tls'), Date.now()),
    openIdentityProvider({ host, port: identityPort }),
  ]);
  closers.push(() => provider.close());
  ensureKey(join(folder, 'keys'));
  const ports = await Promise.all(Array.from({ length: count }, async () => [await holdPort(), await holdPort(), await holdPort()] as const));
  const [[, firstInternal, firstAdmin] = [0, 0, 0]] = ports;
  const keys = createRemoteJWKSet(new URL(`http://127.0.0.1:${firstAdmin}/.well-known/jwks.json`));
  const company = await openCompany({ clock: systemClock, keys, issuer });
  closers.push(() => company.close());
  const common: Variables = {
    DATABASE_URL: database,
    REDIS_URL: redis,
    PORTICO_REDIS__PREFIX: `cluster-${randomBytes(4).toString('hex')}:`,
    PORTICO_DATA_DIR: folder,
    PORTICO_AUTH__ISSUER: issuer,
    PORTICO_AUTH__KEYS_DIR: join(folder, 'keys'),
    PORTICO_AUTH__REFRESH_KEY: randomBytes(32).toString('hex'),
    PORTICO_AUTH__ID_TOKEN_ISSUERS: JSON.stringify(provider.issuers),
    PORTICO_PUBLIC__TLS__CERT_FILE: join(folder, 'tls/cert.pem'),
    PORTICO_PUBLIC__TLS__KEY_FILE: join(folder, 'tls/key.pem'),
    PORTICO_UPSTREAMS: JSON.stringify(Object.fromEntries(Object.entries(company.addresses).map(([name, address]) => [name, { address }]))),
    PORTICO_TELEMETRY__LOG_LEVEL: log,
    PORTICO_TELEMETRY__ACCESS_LOG: 'none',
    ...Object.fromEntries(['PUBLIC', 'INTERNAL', 'ADMIN'].map((listener) => [`PORTICO_${listener}__HOST`, '127.0.0.1'])),
  };
  await portico(['migrate'], common);
  const replicas = await Promise.all(
    ports.map(async ([publicPort, internalPort, adminPort]) => {
      const server = await serve({
        ...common,
        PORTICO_PUBLIC__PORT: String(publicPort),
        PORTICO_INTERNAL__PORT: String(internalPort),
        PORTICO_ADMIN__PORT: String(adminPort),
      });
      closers.push(server.stop);
      return { server, port: publicPort, adminUrl: `http://127.0.0.1:${adminPort}`, readyUrl: `http://127.0.0.1:${adminPort}/readyz` };
    }),
  );
  const token = (await portico(['token', 'sample', '--ttl', '720h'], common)).trim();
  await Promise.all(replicas.map(ready));
  company.publishTo({ address: `localhost:${firstInternal}`, caFile, token });
  const balancer = await openBalancer(replicas, { host, port });
  closers.push(() => balancer.close());
  const url = `https://localhost:${balancer.port}`;
  const lines = [
    `Portico, ${count} replicas as one`,
    '',
    `  public    ${url}   the balancer`,
    ...replicas.map(({ server, adminUrl }, i) => `  replica ${i + 1} ${adminUrl}/readyz, /metrics   pid ${server.pid}`),
    `  identity  ${provider.url}/sign-in?user=alice   (bob, carol)`,
    `  ca        ${caFile}`,
    '',
    `  curl -s --cacert '${caFile}' ${url}/portico.v1.SessionService/SignIn -H 'content-type: application/json' -d "$(curl -s '${provider.url}/sign-in?user=alice')"`,
    '',
    'Kill a replica by its pid and call on. Ctrl-C ends all.',
  ];
  console.log(lines.join('\n'));
}

async function ready({ server, readyUrl }: { readonly server: Server; readonly readyUrl: string }): Promise<void> {
  for (let i = 0; i < 300; i++) {
    if (server.isGone()) throw new Error('A replica ended before it was ready.');
    if (
      await fetch(readyUrl).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      return;
    await new Promise((again) => setTimeout(again, 100));
  }
  throw new Error(`A replica never became ready: ${readyUrl}`);
}

function optionsOf() {
  try {
    const { values } = parseArgs({
      options: {
        port: { type: 'string', default: '8443' },
        'identity-port': { type: 'string', default: '0' },
        host: { type: 'string', default: '127.0.0.1' },
        replicas: { type: 'string', default: '2' },
        log: { type: 'string', default: 'warn' },
        folder: { type: 'string' },
      },
    });
    const number = (name: 'port' | 'identity-port' | 'replicas', least: number, most: number) => {
      const value = Number(values[name]);
      if (!Number.isInteger(value) || value < least || value > most)
        throw new Error(`--${name} ${values[name]}: a whole number from ${least} to ${most} is allowed.`);
      return value;
    };
    return {
      port: number('port', 0, 65_535),
      identityPort: number('identity-port', 0, 65_535),
      host: values.host,
      count: number('replicas', 1, 20),
      log: values.log,
      folder: values.folder,
    };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    process.exit(64);
  }
}

let leaving = false;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    if (leaving) process.exit(1); // a second one: at once
    leaving = true;
    void closeAll().then(() => process.exit(0));
  });
try {
  await start(optionsOf());
} catch (error) {
  if (!leaving) {
    console.error(error instanceof Error ? error.message : error);
    await closeAll();
    process.exit(1);
  }
}
