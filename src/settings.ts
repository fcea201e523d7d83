import { join, resolve } from 'node:path';
import { type Loaded, loadRaw, type Sources } from './settings/load.ts';
import { type Problem, SettingsError } from './settings/problems.ts';
import type { RawSettings } from './settings/schema.ts';

/** `dev`: embedded engines, sample company, dev identities, loopback. `serve`: production, which wants its engines, keys and certificate named. */
export type Mode = 'dev' | 'serve';

/** What is set, with everything that depends on the mode filled in. */
export type Settings = Omit<RawSettings, 'embedded' | 'reflection' | 'sample' | 'redis'> & {
  readonly mode: Mode;
  /** Absolute. */
  readonly dataDir: string;
  readonly hosts: { readonly public: string; readonly internal: string; readonly admin: string };
  readonly keysDir: string;
  readonly embedded: boolean;
  readonly reflection: boolean;
  readonly sample: boolean;
  /** Undefined: everything in memory. */
  readonly redis: RedisSettings | undefined;
  /** By dotted key, for those that were said. */
  readonly origins: ReadonlyMap<string, string>;
};

/** What `serve` does not make up: each by the key that is named when it is missing. */
export type Need = keyof typeof needs;
export const everyNeed = ['sql.url', 'auth.keysDir', 'auth.refreshKey', 'public.tls', 'internal.tls'] as const satisfies readonly Need[];

export type RedisSettings = RawSettings['redis'];

/**
 * Reads the settings for a mode.
 * @param needed of a command that does less than serving: what it cannot do without
 * @throws SettingsError with everything that is wrong, at once
 */
export function loadSettings(mode: Mode, sources: Sources, needed: readonly Need[] = everyNeed): Settings {
  const loaded = loadRaw(sources, (at) => (mode === 'serve' ? missingToServe(needed, at) : []));
  const problems = [...betweenIssuers(loaded), ...listenerProblems(loaded), ...redisProblems(loaded)];
  if (problems.length > 0) throw new SettingsError(problems);
  const { settings, origins } = loaded;
  const dataDir = resolve(settings.dataDir);
  const host = mode === 'dev' ? '127.0.0.1' : '::';
  return {
    ...settings,
    mode,
    dataDir,
    hosts: { public: settings.public.host ?? host, internal: settings.internal.host ?? host, admin: settings.admin.host ?? host },
    keysDir: settings.auth.keysDir ?? join(dataDir, 'keys'),
    embedded: settings.embedded ?? (mode === 'dev' && settings.sql.url === undefined),
    reflection: settings.reflection ?? mode === 'dev',
    sample: mode === 'dev' && (settings.sample ?? true),
    redis: settings.redis.url === undefined && settings.redis.nodes.length === 0 ? undefined : settings.redis,
    origins,
  };
}

type At = (key: string) => unknown;

/** Production names its engines, its keys and what phones see: nothing is made up there. */
const needs = {
  'sql.url': {
    isThere: (at: At) => at('sql.url') !== undefined || at('sql.urlFile') !== undefined || at('embedded') === true,
    message: 'is needed: DATABASE_URL or DATABASE_URL_FILE, or `embedded: true` for one process with a database of its own.',
  },
  'auth.keysDir': {
    isThere: (at: At) => at('auth.keysDir') !== undefined,
    message: 'is needed: a folder of signing keys, each a PEM file with a P-256 private key.',
  },
  'auth.refreshKey': {
    isThere: (at: At) => at('auth.refreshKey') !== undefined || at('auth.refreshKeyFile') !== undefined,
    message: 'is needed: a secret of at least 32 characters, or `auth.refreshKeyFile` with a file that holds it.',
  },
  'public.tls': {
    isThere: (at: At) => at('public.tls') !== undefined || at('public.plaintext') === true,
    message: 'is needed: certFile and keyFile, or `public.plaintext: true` behind a proxy that ends TLS.',
  },
  'internal.tls': {
    isThere: (at: At) => at('internal.tls') !== undefined || at('public.tls') !== undefined,
    message: 'is needed: certFile and keyFile; the internal listener always speaks TLS.',
  },
} as const;

function missingToServe(needed: readonly Need[], at: At): readonly Omit<Problem, 'origin'>[] {
  const missing = needed.filter((key) => !needs[key].isThere(at)).map((key) => ({ key, message: needs[key].message }));
  return at('sample') === true ? [...missing, { key: 'sample', message: 'is for `portico dev` only.' }] : missing;
}

/** Each mode has its own way to say where Redis is. */
function redisProblems({ settings, origins }: Loaded): readonly Problem[] {
  const { mode, url, nodes, masterName, tls } = settings.redis;
  const problems: Problem[] = [];
  const wrong = (key: string, message: string) => problems.push({ key, origin: origins.get(key) ?? 'not set', message });
  if (url !== undefined && nodes.length > 0) wrong('redis.nodes', 'is set, and redis.url too: keep one of them.');
  if (url !== undefined && mode !== 'single') wrong('redis.url', `is for a single Redis; mode ${mode} needs redis.nodes.`);
  if (mode === 'single' && nodes.length > 1) wrong('redis.nodes', 'has several, and mode single has one: did you mean mode sentinel or cluster?');
  if (mode !== 'single' && url === undefined && nodes.length === 0)
    wrong('redis.nodes', `is needed for mode ${mode}: "host:port" of ${mode === 'sentinel' ? 'the Sentinels' : 'some nodes'}.`);
  if (mode === 'sentinel' && masterName === undefined) wrong('redis.masterName', 'is needed for mode sentinel.');
  if (mode !== 'sentinel' && masterName !== undefined) wrong('redis.masterName', `is for mode sentinel, and redis.mode is ${mode}.`);
  if ((tls?.certFile === undefined) !== (tls?.keyFile === undefined)) wrong('redis.tls', 'needs certFile and keyFile together, or neither.');
  return problems;
}

function listenerProblems({ settings, origins }: Loaded): readonly Problem[] {
  const { tls, plaintext } = settings.public;
  const problems: Problem[] = [];
  if (tls !== undefined && plaintext)
    problems.push({
      key: 'public.plaintext',
      origin: origins.get('public.plaintext') ?? 'not set',
      message: 'is true, and public.tls is set: keep one of them.',
    });
  if (settings.sql.url !== undefined && settings.embedded === true)
    problems.push({ key: 'embedded', origin: origins.get('embedded') ?? 'not set', message: 'is true, and sql.url is set: keep one of them.' });
  const ports = (['public', 'internal', 'admin'] as const).map((name) => ({ name, port: settings[name].port }));
  for (const [i, { name, port }] of ports.entries()) {
    const other = ports.slice(0, i).find((earlier) => port !== 0 && earlier.port === port);
    if (other !== undefined)
      problems.push({
        key: `${name}.port`,
        origin: origins.get(`${name}.port`) ?? 'not set',
        message: `${port} is also ${other.name}.port: each listener needs its own.`,
      });
  }
  return problems;
}

/** Identity is (iss, sub): two issuers must not be able to name the same user. */
function betweenIssuers({ settings, origins }: Loaded): readonly Problem[] {
  const { idTokenIssuers, externalIssuers, issuer } = settings.auth;
  const problems: Problem[] = [];
  const all = [
    ...idTokenIssuers.map((other, i) => ({ ...other, key: `auth.idTokenIssuers.${i}` })),
    ...externalIssuers.map((other, i) => ({ ...other, key: `auth.externalIssuers.${i}` })),
  ];
  const names = new Set(all.map((one) => one.issuer));
  for (const [i, one] of all.entries()) {
    const origin = origins.get(one.key) ?? 'not set';
    if (one.key.startsWith('auth.external') && one.issuer === issuer)
      problems.push({ key: `${one.key}.issuer`, origin, message: `"${issuer}" is auth.issuer, our own: tokens are told apart by it.` });
    if (names.size > 1 && one.userPrefix === '')
      problems.push({ key: `${one.key}.userPrefix`, origin, message: 'is needed where there are several issuers, such as "corp:".' });
    const clash = all.slice(0, i).find((earlier) => earlier.userPrefix === one.userPrefix && earlier.issuer !== one.issuer && one.userPrefix !== '');
    if (clash !== undefined)
      problems.push({
        key: `${one.key}.userPrefix`,
        origin,
        message: `"${one.userPrefix}" is also that of ${clash.key}: their users could have the same id.`,
      });
  }
  return problems;
}
