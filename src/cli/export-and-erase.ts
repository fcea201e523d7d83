import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { type UserDataForCommands, withUserData } from '../wire/user-data-for-commands.ts';
import { Exit, exitCodes } from './exit-codes.ts';
import { modeOf, type SettingsFlags, settingsOf } from './settings-flags.ts';

/** `portico export --user ID`: prints everything that is stored of a user, a JSON object on each line. */
export async function runExport({ user, ...flags }: SettingsFlags & { readonly user: string }): Promise<void> {
  const userId = checkUser(user);
  const { signal } = new AbortController();
  await withUserData(settingsOf(modeOf(flags), flags, ['sql.url']), async ({ parts }) => {
    for (const { name, export: exports } of parts)
      for await (const record of exports(userId, signal))
        if (!process.stdout.write(`${JSON.stringify({ part: name, ...record })}\n`)) await once(process.stdout, 'drain');
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
  const report = await withUserData(settingsOf(modeOf(flags), flags, ['sql.url']), ({ erase }) => untilDone(erase, userId, id));
  const { acceptedAtMs, firstPassAtMs = 0, doneAtMs = 0, parts, again } = report;
  const times = { acceptedAt: new Date(acceptedAtMs), firstPassAt: new Date(firstPassAtMs), doneAt: new Date(doneAtMs) };
  process.stdout.write(`${JSON.stringify({ requestId: id, ...times, erased: parts, erasedInSecondPass: again })}\n`);
}

/** Says on stderr how far it is, when that has changed. */
async function untilDone(erase: UserDataForCommands['erase'], userId: string, requestId: string): ReturnType<UserDataForCommands['erase']> {
  const { signal } = new AbortController();
  for (let printed = ''; ; await setTimeout(500)) {
    const report = await erase(userId, { requestId, waitMs: 2_000, signal });
    if (report.doneAtMs !== undefined) return report;
    const what = report.firstPassAtMs === undefined ? 'under way' : 'erased; a second pass for calls that were under way follows';
    const line = `portico: ${what}: ${JSON.stringify(report.parts)}\n`;
    if (line !== printed) process.stderr.write(line);
    printed = line;
  }
}

/** @throws Exit for a text that is no user's id */
function checkUser(user: string): string {
  if (user.length < 1 || user.length > 256 || !user.isWellFormed() || /\p{Cc}/u.test(user))
    throw new Exit(exitCodes.usage, '--user: an id of 1 to 256 characters is needed, none of them a control character.');
  return user;
}
