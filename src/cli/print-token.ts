import { durationText, parseDurationMs } from '../core/kit/duration.ts';
import { serviceLifetimeMaxMs, serviceTokenOf } from '../wire/tokens-for-commands.ts';
import { Exit, exitCodes } from './exit-codes.ts';
import { modeOf, type SettingsFlags, settingsOf } from './settings-flags.ts';

/** `portico token NAME`: prints a token for an internal service. */
export async function printToken(name: string, { ttl, ...flags }: SettingsFlags & { readonly ttl: string }): Promise<void> {
  if (!/^[a-z][a-z0-9-]{0,62}$/.test(name))
    throw new Exit(exitCodes.usage, `"${name}" is no name of a service: lower-case letters, digits and "-" are allowed.`);
  const ttlMs = parseDurationMs(ttl);
  if (ttlMs === undefined || ttlMs < 60_000 || ttlMs > serviceLifetimeMaxMs)
    throw new Exit(exitCodes.usage, `--ttl ${ttl}: a duration from "1m" to "${durationText(serviceLifetimeMaxMs)}" is allowed.`);
  const settings = settingsOf(modeOf(flags), flags, ['auth.keysDir']);
  process.stdout.write(`${await serviceTokenOf(settings, name, ttlMs)}\n`);
}
