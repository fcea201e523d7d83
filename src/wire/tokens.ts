import { keyDirectory } from '../core/adapters/keys/key-directory.ts';
import { mintServiceToken } from '../core/services/session/access-tokens.ts';
import type { Settings } from '../settings.ts';
import { openSecrets } from './secrets.ts';
import { silent } from './silent-log.ts';
import { systemClock } from './system-clock.ts';

/** @returns the number of signing keys @throws Error naming the unusable folder or file */
export async function countKeys(settings: Settings): Promise<number> {
  if (settings.mode === 'dev') openSecrets(settings);
  const keys = await keyDirectory(settings.keysDir, systemClock, silent);
  keys.close();
  return keys.jwks().keys.length;
}

/** A token for calls of the internal service of this name to the internal listener, signed by the newest key. */
export async function serviceTokenOf(settings: Settings, name: string, ttlMs: number): Promise<string> {
  if (settings.mode === 'dev') openSecrets(settings);
  const keys = await keyDirectory(settings.keysDir, systemClock, silent);
  try {
    return await mintServiceToken(name, { keys, clock: systemClock, issuer: settings.auth.issuer, ttlMs });
  } finally {
    keys.close();
  }
}
