import { randomUUID } from 'node:crypto';
import { type JWTPayload, SignJWT } from 'jose';
import type { Clock } from '../../kit/clock.ts';
import type { Session } from '../../ports/sessions.ts';
import type { SigningKeys } from '../../ports/signing-keys.ts';

/** `typ` of this server's tokens: a token of one kind is never accepted as another (RFC 8725, 3.11). */
export const accessTokenTyp = 'at+jwt';
export const serviceTokenTyp = 'portico-service+jwt';
export const internalTokenTyp = 'portico-internal+jwt';
export const signingAlgorithm = 'ES256';

export type MintAccessToken = (session: Pick<Session, 'id' | 'userId' | 'scopes' | 'claims'>) => Promise<string>;

export type MintParts = {
  readonly keys: SigningKeys;
  readonly clock: Clock;
  readonly issuer: string;
  /** Whole seconds, in milliseconds. */
  readonly ttlMs: number;
};

/** A token of this server, signed with its current key. */
export function mint({ keys, clock, issuer, ttlMs }: MintParts, claims: JWTPayload, typ: string): Promise<string> {
  const { kid, privateKey } = keys.current();
  const nowS = Math.floor(clock.nowMs() / 1_000);
  return new SignJWT(claims)
    .setProtectedHeader({ alg: signingAlgorithm, typ, kid })
    .setIssuer(issuer)
    .setIssuedAt(nowS)
    .setExpirationTime(nowS + Math.floor(ttlMs / 1_000))
    .sign(privateKey);
}

/** Issues access tokens (RFC 9068, with `sid` for the session). */
export function accessTokens({ audience, ...parts }: MintParts & { readonly audience: string }): MintAccessToken {
  return ({ id, userId, scopes, claims }) =>
    mint(parts, { ...claims, aud: audience, sub: userId, jti: randomUUID(), sid: id, scope: scopes.join(' ') }, accessTokenTyp);
}
