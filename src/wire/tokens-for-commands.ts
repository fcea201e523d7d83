import { keyDirectory } from '../core/adapters/keys/key-directory.ts';
import { accessTokens, type MintParts } from '../core/services/session/access-tokens.ts';
import { mintServiceToken } from '../core/services/session/service-tokens.ts';
import type { Settings } from '../settings.ts';
import { silent } from './process-log.ts';
import { openSecrets } from './secrets.ts';
import { systemClock } from './system-clock.ts';

export { serviceLifetimeMaxMs } from '../core/services/session/service-tokens.ts';

/** @returns the number of signing keys @throws Error naming the unusable folder or file */
export function countKeys(settings: Settings): Promise<number> {
  return withKeys(settings, 0, async ({ keys }) => keys.jwks().keys.length);
}

/** A token for calls of the internal service of this name to the internal listener, signed by the newest key. */
export function serviceTokenOf(settings: Settings, name: string, ttlMs: number): Promise<string> {
  return withKeys(settings, ttlMs, (parts) => mintServiceToken(name, parts));
}

/** An access token of a user without scopes. Its session, named as the user, is not in the database. */
export function accessTokenOf(settings: Settings, userId: string, ttlMs: number, { audience } = settings.auth): Promise<string> {
  return withKeys(settings, ttlMs, (parts) => accessTokens({ ...parts, audience })({ id: userId, userId, scopes: [], claims: {} }));
}

async function withKeys<T>(settings: Settings, ttlMs: number, use: (parts: MintParts) => Promise<T>): Promise<T> {
  if (settings.mode === 'dev') openSecrets(settings);
  const keys = await keyDirectory(settings.keysDir, systemClock, silent);
  return use({ keys, clock: systemClock, issuer: settings.auth.issuer, ttlMs }).finally(() => keys.close());
}
