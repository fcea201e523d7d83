import { randomUUID } from 'node:crypto';
import { type MintParts, mint, serviceTokenTyp } from './access-tokens.ts';

/** `aud` of service tokens. */
export const serviceAudience = 'portico-internal';
/** The longest lifetime of a service token: 90 days. */
export const serviceLifetimeMaxMs = 90 * 86_400_000;

/** Issues the token with which an internal service calls the internal listener: `portico token service NAME`. */
export function mintServiceToken(name: string, parts: MintParts): Promise<string> {
  return mint(parts, { aud: serviceAudience, sub: name, jti: randomUUID() }, serviceTokenTyp);
}
