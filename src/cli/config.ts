import { jsonSchema, leaves } from '../settings/describe.ts';
import { type SettingsFlags, settingsOf } from './options.ts';

/** `portico config`: every setting as it is in force, with where it was said; secrets are not shown. `--schema` prints the JSON schema of the file. */
export function printConfig({ schema = false, ...flags }: SettingsFlags & { readonly schema?: boolean }): void {
  if (schema) {
    process.stdout.write(`${JSON.stringify(jsonSchema, null, 2)}\n`);
    return;
  }
  const settings = settingsOf(flags.dev === true ? 'dev' : 'serve', flags);
  const lines = leaves().map(({ path, node }) => {
    const value = path.reduce<unknown>(
      (at, key) => (typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[key] : undefined),
      settings,
    );
    const shown = value === undefined ? 'not set' : node.writeOnly === true ? '[secret]' : JSON.stringify(value);
    return `${path.join('.')}: ${shown}  (${settings.origins.get(path.join('.')) ?? 'default'})`;
  });
  process.stdout.write(`${lines.join('\n')}\n`);
}
