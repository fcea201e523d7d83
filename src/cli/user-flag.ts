import { Exit, exitCodes } from './exit-codes.ts';

/** @throws Exit for a text that is no user's id */
export function checkUser(user: string): string {
  if (user.length < 1 || user.length > 256 || !user.isWellFormed() || /\p{Cc}/u.test(user))
    throw new Exit(exitCodes.usage, '--user: an id of 1 to 256 characters is needed, none of them a control character.');
  return user;
}
