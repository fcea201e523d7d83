import { durationText } from '../core/kit/duration.ts';
import { jsonSchema, leaves, type Node } from '../settings/json-schema.ts';
import type { Settings } from '../settings.ts';
import { modeOf, type SettingsFlags, settingsOf } from './settings-flags.ts';

/**
 * `portico config`: every effective setting with its origin, without secrets. `--schema` prints the JSON schema of the
 * file.
 */
export function printConfig({ schema = false, ...flags }: SettingsFlags & { readonly schema?: boolean }): void {
  process.stdout.write(schema ? `${JSON.stringify(jsonSchema, null, 2)}\n` : configText(settingsOf(modeOf(flags), flags, [])));
}

/** One line for each setting. */
export function configText(settings: Settings): string {
  const { hosts, keysDir, mode } = settings;
  const inForce = {
    ...settings,
    public: { ...settings.public, host: hosts.public },
    internal: { ...settings.internal, host: hosts.internal },
    admin: { ...settings.admin, host: hosts.admin },
    auth: { ...settings.auth, keysDir: mode === 'dev' ? keysDir : settings.auth.keysDir },
  };
  const lines = leaves().map(({ path, node }) => {
    const value = path.reduce<unknown>((at, key) => (isObject(at) ? at[key] : undefined), inForce);
    return `${path.join('.')}: ${value === undefined ? 'not set' : JSON.stringify(shown(value, node))}  (${originOf(path, settings.origins)})`;
  });
  return `${lines.join('\n')}\n`;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value as in the file. A secret is hidden. */
function shown(value: unknown, node: Node | undefined): unknown {
  if (node?.writeOnly === true) return '[secret]';
  if (node?.format === 'short-duration' && typeof value === 'number') return durationText(value);
  if (Array.isArray(value)) return value.map((item) => shown(item, node?.items));
  if (!isObject(value)) return value;
  const entries = typeof node?.additionalProperties === 'object' ? node.additionalProperties : undefined;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shown(inner, node?.properties?.[key] ?? entries)]));
}

/** The origin of a setting or of its content, or "default". */
function originOf(path: readonly string[], origins: ReadonlyMap<string, string>): string {
  const key = path.join('.');
  const own = origins.get(key);
  if (own !== undefined) return own;
  const inner = [...origins].filter(([other]) => other.startsWith(`${key}.`)).map(([, origin]) => origin);
  return inner.length === 0 ? 'default' : [...new Set(inner)].join(', ');
}
