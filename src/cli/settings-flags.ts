import { existsSync } from 'node:fs';
import { type Command, Option } from 'commander';
import type { Mode } from '../settings/defaults/by-mode-and-memory.ts';
import { readValue } from '../settings/environment-variables.ts';
import { everyNeed, type Need } from '../settings/needed-to-serve.ts';
import { SettingsError } from '../settings/settings-error.ts';
import { loadSettings, type Settings } from '../settings.ts';
import { Exit, exitCodes } from './exit-codes.ts';

/** The sources of settings from the command line. */
export type SettingsFlags = { readonly config?: string; readonly set: readonly string[]; readonly dev?: boolean };

/** The file that is read by default. */
const usualFile = 'portico.yaml';

/** Adds `--config` and `--set`. */
export function withSettings(command: Command): Command {
  const gather = (value: string, all: readonly string[]) => [...all, value];
  return command
    .option('-c, --config <file>', `settings file (YAML); default: PORTICO_CONFIG, or ${usualFile} if it exists`)
    .addOption(new Option('-s, --set <key=value>', 'one setting, such as public.port=9443; repeatable').argParser(gather).default([], 'none'));
}

/** Adds `--dev`, for commands that inspect another command's settings. */
export function withMode(command: Command): Command {
  return withSettings(command).option('--dev', 'read the settings as `portico dev` does instead of `portico serve`');
}

/** The settings file, if there is one. */
export function fileOf({ config }: Pick<SettingsFlags, 'config'>): string | undefined {
  return config ?? process.env.PORTICO_CONFIG ?? (existsSync(usualFile) ? usualFile : undefined);
}

/** @throws SettingsError, or Exit for an invalid flag */
export function settingsOf(mode: Mode, { config, set }: SettingsFlags, needed: readonly Need[] = everyNeed): Settings {
  const file = fileOf({ config });
  const flags = set.map((text) => {
    const at = text.indexOf('=');
    if (at < 1) throw new Exit(exitCodes.usage, `--set ${text}: a key, "=" and a value are needed, such as public.port=9443.`);
    const key = text.slice(0, at);
    const read = readValue(text.slice(at + 1), key.split('.'));
    if ('wrong' in read) throw new SettingsError([{ key, origin: `--set ${key}`, message: read.wrong }]);
    return { path: key.split('.'), value: read.value, origin: `--set ${key}` };
  });
  return loadSettings(mode, { file, env: process.env, flags }, needed);
}

/** The mode that a command inspects. */
export function modeOf({ dev }: SettingsFlags): Mode {
  return dev === true ? 'dev' : 'serve';
}
