import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import type { Clock } from '../../kit/clock.ts';
import type { Session } from '../../ports/sessions.ts';
import type { SigningKeys } from '../../ports/signing-keys.ts';

/** `typ` of this server's tokens: a token of one kind is never accepted as another (RFC 8725, 3.11). */
export const accessTokenTyp = 'at+jwt';
export const serviceTokenTyp = 'portico-service+jwt';
export const internalTokenTyp = 'portico-internal+jwt';
/** `aud` of service tokens. */
export const serviceAudience = 'portico-internal';
export const signingAlgorithm = 'ES256';

export type MintAccessToken = (session: Pick<Session, 'id' | 'userId' | 'scopes' | 'claims'>) => Promise<string>;

/** An ended session is stored this much longer than its tokens live, because clocks differ. Milliseconds. */
const marginMs = 60_000;

/** How long the access tokens of a session that ends now would still be valid. */
export function livesOnMs(accessTokenTtlMs: number): number {
  return accessTokenTtlMs + marginMs;
}

/** Issues access tokens (RFC 9068, with `sid` for the session). @param ttlMs whole seconds, in milliseconds */
export function accessTokens({
  keys,
  clock,
  issuer,
  audience,
  ttlMs,
}: {
  readonly keys: SigningKeys;
  readonly clock: Clock;
  readonly issuer: string;
  readonly audience: string;
  readonly ttlMs: number;
}): MintAccessToken {
  return ({ id, userId, scopes, claims }) => {
    const { kid, privateKey } = keys.current();
    const nowS = Math.floor(clock.nowMs() / 1_000);
    return new SignJWT({ ...claims, sid: id, scope: scopes.join(' ') })
      .setProtectedHeader({ alg: signingAlgorithm, typ: accessTokenTyp, kid })
      .setIssuer(issuer)
      .setAudience(audience)
      .setSubject(userId)
      .setJti(randomUUID())
      .setIssuedAt(nowS)
      .setExpirationTime(nowS + Math.floor(ttlMs / 1_000))
      .sign(privateKey);
  };
}

/** Issues the token with which an internal service calls the internal listener: `portico token service NAME`. */
export function mintServiceToken(
  name: string,
  { keys, clock, issuer, ttlMs }: { readonly keys: SigningKeys; readonly clock: Clock; readonly issuer: string; readonly ttlMs: number },
): Promise<string> {
  const { kid, privateKey } = keys.current();
  const nowS = Math.floor(clock.nowMs() / 1_000);
  return new SignJWT()
    .setProtectedHeader({ alg: signingAlgorithm, typ: serviceTokenTyp, kid })
    .setIssuer(issuer)
    .setAudience(serviceAudience)
    .setSubject(name)
    .setJti(randomUUID())
    .setIssuedAt(nowS)
    .setExpirationTime(nowS + Math.floor(ttlMs / 1_000))
    .sign(privateKey);
}
