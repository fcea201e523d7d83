import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { eraseUser, exportUser } from '../wire/user-data-for-commands.ts';
import { Exit, exitCodes } from './exit-codes.ts';
import { modeOf, type SettingsFlags, settingsOf } from './settings-flags.ts';

/** `portico export --user ID`: prints everything that is stored of a user, a JSON object on each line. */
export async function runExport({ user, ...flags }: SettingsFlags & { readonly user: string }): Promise<void> {
  const userId = checkUser(user);
  await exportUser(settingsOf(modeOf(flags), flags, ['sql.url']), userId, async (record) => {
    if (!process.stdout.write(`${JSON.stringify(record)}\n`)) await once(process.stdout, 'drain');
  });
}

/**
 * `portico erase --user ID`: erases everything that is stored of a user, and prints what that was as JSON. After it was
 * stopped, the same request id goes on; a running server does so by itself.
 */
export async function runErase({ user, requestId, ...flags }: SettingsFlags & { readonly user: string; readonly requestId?: string }): Promise<void> {
  const userId = checkUser(user);
  if (requestId !== undefined && !/^[!-~]{16,100}$/.test(requestId))
    throw new Exit(exitCodes.usage, '--request-id: 16 to 100 printable ASCII characters are needed, such as a UUID.');
  const id = requestId ?? randomUUID();
  if (requestId === undefined) process.stderr.write(`portico: the request id is ${id}\n`);
  const { acceptedAtMs, doneAtMs, parts } = await eraseUser(settingsOf(modeOf(flags), flags, ['sql.url']), userId, id, (report) => {
    process.stderr.write(`portico: under way: ${JSON.stringify(report.parts)}\n`);
  });
  const times = { acceptedAt: new Date(acceptedAtMs), doneAt: new Date(doneAtMs ?? 0) };
  process.stdout.write(`${JSON.stringify({ requestId: id, ...times, erased: parts })}\n`);
}

/** @throws Exit for a text that is no user's id */
function checkUser(user: string): string {
  if (user.length < 1 || user.length > 256 || !user.isWellFormed() || /\p{Cc}/u.test(user))
    throw new Exit(exitCodes.usage, '--user: an id of 1 to 256 characters is needed, none of them a control character.');
  return user;
}
