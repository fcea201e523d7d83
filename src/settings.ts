import { join, resolve } from 'node:path';
import type { LiveSettings } from './core/services/live/open-live.ts';
import { contradictions } from './settings/contradictions.ts';
import { loadRaw, type Sources } from './settings/load.ts';
import { everyNeed, missingToServe, type Need } from './settings/needed-to-serve.ts';
import { SettingsError } from './settings/problems.ts';
import type { RawSettings } from './settings/schema.ts';

/**
 * `dev`: embedded engines, sample company, dev identities, loopback. `serve`: production, which requires settings for
 * its engines, keys and certificate.
 */
export type Mode = 'dev' | 'serve';

/** The settings, with the defaults of the mode. */
export type Settings = Omit<RawSettings, 'embedded' | 'reflection' | 'sample' | 'redis' | 'live'> & {
  readonly mode: Mode;
  readonly live: LiveSettings;
  /** Absolute. */
  readonly dataDir: string;
  readonly hosts: { readonly public: string; readonly internal: string; readonly admin: string };
  readonly keysDir: string;
  readonly embedded: boolean;
  readonly reflection: boolean;
  readonly sample: boolean;
  /** Undefined: all state is in memory. */
  readonly redis: RedisSettings | undefined;
  /** Origins by dotted key, for the keys that were set. */
  readonly origins: ReadonlyMap<string, string>;
};

export type RedisSettings = RawSettings['redis'];

/**
 * Reads the settings for a mode.
 * @param needed the settings that a command requires, if it does not serve
 * @throws SettingsError with all errors
 */
export function loadSettings(mode: Mode, sources: Sources, needed: readonly Need[] = everyNeed): Settings {
  const loaded = loadRaw(sources, (at) => (mode === 'serve' ? missingToServe(needed, at) : []));
  const problems = contradictions(loaded);
  if (problems.length > 0) throw new SettingsError(problems);
  const { settings, origins } = loaded;
  const dataDir = resolve(settings.dataDir);
  return {
    ...settings,
    mode,
    dataDir,
    // only the public listener is for other machines unless the settings say so
    hosts: {
      public: settings.public.host ?? (mode === 'dev' ? loopback : '::'),
      internal: settings.internal.host ?? loopback,
      admin: settings.admin.host ?? loopback,
    },
    keysDir: settings.auth.keysDir ?? join(dataDir, 'keys'),
    embedded: settings.embedded ?? (mode === 'dev' && settings.sql.url === undefined),
    reflection: settings.reflection ?? mode === 'dev',
    sample: mode === 'dev' && (settings.sample ?? true),
    redis: settings.redis.url === undefined && settings.redis.nodes.length === 0 ? undefined : settings.redis,
    origins,
  };
}

const loopback = '127.0.0.1';
