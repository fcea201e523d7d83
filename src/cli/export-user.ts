import { once } from 'node:events';
import { exportUser } from '../wire/user-data-for-commands.ts';
import { modeOf, type SettingsFlags, settingsOf } from './settings-flags.ts';
import { checkUser } from './user-flag.ts';

/** `portico export --user ID`: prints everything that is stored of a user, a JSON object on each line. */
export async function runExport({ user, ...flags }: SettingsFlags & { readonly user: string }): Promise<void> {
  const userId = checkUser(user);
  await exportUser(settingsOf(modeOf(flags), flags, ['sql.url']), userId, async (record) => {
    if (!process.stdout.write(`${JSON.stringify(record)}\n`)) await once(process.stdout, 'drain');
  });
}
