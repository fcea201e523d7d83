import { applyMigrations } from '../wire/migrations.ts';
import { modeOf, type SettingsFlags, settingsOf } from './settings-flags.ts';

/** `portico migrate`: migrates the schema of PostgreSQL to this release. Two at once wait for each other. */
export async function runMigrate({ dryRun = false, ...flags }: SettingsFlags & { readonly dryRun?: boolean }): Promise<void> {
  const settings = settingsOf(modeOf(flags), flags, ['sql.url']);
  const applied = await applyMigrations(settings, { dryRun });
  if (applied.length === 0) process.stdout.write('The schema is up to date.\n');
  for (const name of applied) process.stdout.write(`${dryRun ? 'would apply' : 'applied'} ${name}\n`);
}
