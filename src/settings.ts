import type { LiveSettings } from './core/services/live/open-live.ts';
import { contradictions } from './settings/contradictions.ts';
import { defaultsByMode, type Mode } from './settings/defaults/by-mode-and-memory.ts';
import { loadRaw, type Sources } from './settings/merge-sources.ts';
import { everyNeed, missingToServe, type Need } from './settings/needed-to-serve.ts';
import type { RawSettings } from './settings/schema.ts';
import { SettingsError } from './settings/settings-error.ts';

/** The settings, with the defaults of the mode. */
export type Settings = Omit<RawSettings, 'embedded' | 'reflection' | 'sample' | 'redis' | 'live' | 'drain' | 'push'> & {
  readonly mode: Mode;
  readonly live: LiveSettings;
  /** Absolute. */
  readonly dataDir: string;
  readonly hosts: { readonly public: string; readonly internal: string; readonly admin: string };
  readonly keysDir: string;
  readonly embedded: boolean;
  /** Milliseconds. */
  readonly drain: { readonly grace: number; readonly spread: number };
  readonly push: RawSettings['push'] & { readonly provider: 'off' | 'log' | 'platforms' };
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
  return {
    ...settings,
    mode,
    ...defaultsByMode(mode, settings),
    redis: settings.redis.url === undefined && settings.redis.nodes.length === 0 ? undefined : settings.redis,
    origins,
  };
}
