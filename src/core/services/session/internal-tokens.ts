import { SignJWT } from 'jose';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../kit/clock.ts';
import type { SigningKeys } from '../../ports/signing-keys.ts';
import type { InternalToken } from '../../upstreams/upstreams.ts';
import { internalTokenTyp, signingAlgorithm } from './access-tokens.ts';

/**
 * Long enough for a call, and too short to be useful when stolen. A token is reused until half of its lifetime, or
 * until its key is removed.
 */
const ttlS = 60;
const reuseMs = (ttlS * 1_000) / 2;
const rememberedMax = 20_000;

/**
 * The signed token of every upstream call: `aud` is the upstream, `sub` the user (absent for an anonymous caller or a
 * shared answer), `act.sub` the server that acts for the user.
 * @see RFC 8693, section 4.1: the actor claim
 */
export function internalTokens({
  keys,
  clock,
  issuer,
}: {
  readonly keys: SigningKeys;
  readonly clock: Clock;
  readonly issuer: string;
}): InternalToken {
  const remembered = new LRUCache<string, { readonly token: string; readonly kid: string; readonly untilMs: number }>({ max: rememberedMax });
  const mint = async (audience: string, userId: string | undefined, key: string) => {
    const { kid, privateKey } = keys.current();
    const nowMs = clock.nowMs();
    const nowS = Math.floor(nowMs / 1_000);
    const unsigned = new SignJWT({ act: { sub: 'portico' } })
      .setProtectedHeader({ alg: signingAlgorithm, typ: internalTokenTyp, kid })
      .setIssuer(issuer)
      .setAudience(audience)
      .setIssuedAt(nowS)
      .setExpirationTime(nowS + ttlS);
    if (userId !== undefined) unsigned.setSubject(userId);
    const token = await unsigned.sign(privateKey);
    remembered.set(key, { token, kid, untilMs: nowMs + reuseMs });
    return token;
  };
  return (audience, caller) => {
    const userId = caller?.kind === 'user' ? caller.userId : undefined;
    const key = userId !== undefined ? `${audience.length} ${audience} ${userId}` : `${audience.length} ${audience}`; // the length makes keys unique, whatever spaces they contain
    const known = remembered.get(key);
    return known !== undefined && clock.nowMs() < known.untilMs && keys.find(known.kid) !== undefined ? known.token : mint(audience, userId, key);
  };
}
