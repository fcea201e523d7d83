// A whole server in the test's own process: the real wire, real TLS, a real PostgreSQL, with the fixture's app or another.
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Clock } from '../../../src/core/kit/clock.ts';
import type { Handler } from '../../../src/core/ports/call.ts';
import type { App } from '../../../src/core/screen/define-app.ts';
import { protoSources, type Release, readRelease } from '../../../src/release/release.ts';
import type { Mode } from '../../../src/settings/defaults/by-mode-and-memory.ts';
import { loadSettings } from '../../../src/settings.ts';
import type { Portico } from '../../../src/wire/portico.ts';
import { systemClock } from '../../../src/wire/system-clock.ts';
import { wire } from '../../../src/wire.ts';
import { createMigratedDatabase } from '../postgres/postgres.ts';
import type { RedisPlace } from '../redis/redis.ts';
import { sharedTls } from './shared-tls.ts';

const root = resolve(import.meta.dirname, '../../..');

/** The release of the tests' own protos. */
export const fixtureRelease: Release = {
  ...readRelease(root),
  descriptorSet: readFileSync(join(root, 'test/fixture/gen/descriptors.binpb')),
  sources: protoSources(root, ['test/fixture/proto', 'proto', 'third_party']),
};

export type TestServerOptions = {
  readonly app: App;
  /** Default: that of the fixture. */
  readonly release?: Release;
  readonly mode?: Mode;
  /** By dotted key: `{'auth.accessTokenTtl': '10s'}`. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Addresses of internal services by upstream name. */
  readonly samples?: Readonly<Record<string, string>>;
  /** What answers methods of the release that have no screen. */
  readonly handlers?: Readonly<Record<string, Handler>>;
  readonly clock?: Clock;
  /** OTEL_* variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** Shared by the replicas of one cluster; default: one of its own. An empty `databaseUrl`: embedded in `dataDir`. */
  readonly shared?: Pick<TestServer, 'databaseUrl' | 'dataDir'> & { readonly redis?: RedisPlace | undefined };
  /** What replicas share besides; unset, and nothing shared: everything in memory. */
  readonly redis?: RedisPlace;
};

export type TestServer = AsyncDisposable & {
  readonly portico: Portico;
  /** "https://localhost:41234" of the public listener. */
  readonly url: string;
  readonly internalUrl: string;
  readonly adminUrl: string;
  /** PEM of the authority that dev made. */
  readonly ca: string;
  readonly dataDir: string;
  readonly databaseUrl: string;
  readonly redis: RedisPlace | undefined;
  close(): Promise<void>;
};

/** Opens a server on free ports and waits until it is ready. */
export async function openTestServer(options: TestServerOptions): Promise<TestServer> {
  const {
    app,
    release = fixtureRelease,
    mode = 'dev',
    samples = {},
    handlers = {},
    clock = systemClock,
    env = {},
    shared,
    redis = shared?.redis,
  } = options;
  const database = shared === undefined ? await createMigratedDatabase() : { url: shared.databaseUrl, drop: async () => {} };
  const dataDir = shared?.dataDir ?? mkdtempSync(join(tmpdir(), 'portico-server-'));
  const tls = sharedTls();
  if (tls !== undefined && shared === undefined && mode === 'dev') cpSync(tls, join(dataDir, 'tls'), { recursive: true });
  const said: Record<string, unknown> = {
    'public.port': 0,
    'internal.port': 0,
    'admin.port': 0,
    dataDir,
    ...(database.url === '' ? {} : { 'sql.url': database.url }),
    'telemetry.accessLog': 'none',
    'telemetry.logLevel': 'error',
    ...(redis === undefined ? {} : Object.fromEntries(Object.entries(redis).map(([key, value]) => [`redis.${key}`, value]))),
    ...options.settings,
  };
  const flags = Object.entries(said).map(([key, value]) => ({ path: key.split('.'), value, origin: 'test' }));
  const settings = loadSettings(mode, { file: undefined, env: {}, flags });
  const portico = await wire({ settings, app, release, clock, env, pretty: false, samples, handlers });
  const close = async () => {
    await portico.close();
    await database.drop();
    if (shared === undefined) rmSync(dataDir, { recursive: true, force: true });
  };
  try {
    await portico.whenReady;
  } catch (error) {
    await close();
    throw error;
  }
  const { ports, caFile } = portico;
  return {
    portico,
    url: `https://localhost:${ports.public}`,
    internalUrl: `https://localhost:${ports.internal}`,
    adminUrl: `http://127.0.0.1:${ports.admin}`,
    ca: caFile === undefined ? '' : readFileSync(caFile, 'utf8'),
    dataDir,
    databaseUrl: database.url,
    redis,
    close,
    [Symbol.asyncDispose]: close,
  };
}
