import type { SigningKeys } from '../../core/ports/signing-keys.ts';
import type { Pages } from '../http-pages.ts';

/** How long proxies and services may keep the published keys: less than the two minutes before a new key signs. */
const maxAgeS = 60;

/** The public keys of access tokens and internal tokens (RFC 7517). */
export function jwksPage(keys: Pick<SigningKeys, 'jwks'>): Pages {
  return {
    '/.well-known/jwks.json': () => ({
      contentType: 'application/json',
      cacheControl: `public, max-age=${maxAgeS}`,
      body: JSON.stringify(keys.jwks()),
    }),
  };
}
