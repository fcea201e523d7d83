import { LRUCache } from 'lru-cache';
import type { InternalToken } from '../../upstreams/upstreams.ts';
import { internalTokenTyp, type MintParts, mint } from './access-tokens.ts';

/**
 * Long enough for a call, and too short to be useful when stolen. A token is reused until half of its lifetime, or
 * until its key is removed.
 */
const ttlMs = 60_000;
const reuseMs = ttlMs / 2;
const rememberedMax = 20_000;

/**
 * The signed token of every upstream call: `aud` is the upstream, `sub` the user (absent for an anonymous caller or a
 * shared answer), `act.sub` the server that acts for the user.
 * @see RFC 8693, section 4.1: the actor claim
 */
export function upstreamTokens(parts: Omit<MintParts, 'ttlMs'>): InternalToken {
  const { keys, clock } = parts;
  const remembered = new LRUCache<string, { readonly token: string; readonly kid: string; readonly untilMs: number }>({ max: rememberedMax });
  const mintOne = async (audience: string, userId: string | undefined, key: string) => {
    const { kid } = keys.current();
    const untilMs = clock.nowMs() + reuseMs;
    const claims = { act: { sub: 'portico' }, aud: audience, ...(userId !== undefined && { sub: userId }) };
    const token = await mint({ ...parts, ttlMs }, claims, internalTokenTyp);
    remembered.set(key, { token, kid, untilMs });
    return token;
  };
  return (audience, caller) => {
    const userId = caller?.kind === 'user' ? caller.userId : undefined;
    const key = userId !== undefined ? `${audience.length} ${audience} ${userId}` : `${audience.length} ${audience}`; // the length makes keys unique, whatever spaces they contain
    const known = remembered.get(key);
    return known !== undefined && clock.nowMs() < known.untilMs && keys.find(known.kid) !== undefined ? known.token : mintOne(audience, userId, key);
  };
}
