import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureKey } from '../core/adapters/keys/key-directory.ts';
import type { Settings } from '../settings.ts';

/**
 * The secret from which refresh tokens are derived. In dev, the first start creates the signing key and the secret in
 * the data directory, so that a restart signs no user out.
 */
export function openSecrets({ mode, dataDir, keysDir, auth }: Settings): { readonly refreshKey: string } {
  if (mode === 'dev') ensureKey(keysDir);
  if (auth.refreshKey !== undefined) return { refreshKey: auth.refreshKey };
  if (mode !== 'dev') throw new Error('auth.refreshKey is needed to serve.');
  const file = join(dataDir, 'refresh-key');
  if (!existsSync(file)) {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    writeFileSync(file, randomBytes(32).toString('base64url'), { mode: 0o600 });
  }
  return { refreshKey: readFileSync(file, 'utf8') };
}
