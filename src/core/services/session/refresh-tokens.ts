import { createHash, createHmac } from 'node:crypto';
import type { RefreshDecision, Session } from '../../ports/sessions.ts';

/**
 * The number of successive tokens that may each be returned more than once. A thief who refreshes after each refresh of
 * the client makes every token one of these; a client that loses every third answer does so once in 90,000 refreshes.
 */
export const repeatsMax = 10;

/** Milliseconds. */
export type SessionLife = {
  /** Without a refresh, and in total. */
  readonly idleMs: number;
  readonly absoluteMs: number;
  /** Calls in flight at the first use of the successor may still carry the token before it. */
  readonly inFlightMs: number;
};

export type RefreshToken = { readonly sessionId: string; readonly generation: number };

/**
 * Refresh tokens, derived from a server secret, so that the same successor can be returned twice without being stored.
 */
export type RefreshTokens = {
  /** `<session id>.<generation>.<HMAC-SHA-256>` */
  derive(token: RefreshToken): string;
  /** @returns undefined when this server did not issue it, or its spelling differs */
  read(text: string): RefreshToken | undefined;
  /** SHA-256, the only form that is stored. */
  hashOf(text: string): Uint8Array;
};

export function refreshTokens(secret: string): RefreshTokens {
  const derive = ({ sessionId, generation }: RefreshToken) => {
    const body = `${sessionId}.${generation}`;
    return `${body}.${createHmac('sha256', secret).update(`portico refresh token ${body}`).digest('base64url')}`;
  };
  return {
    derive,
    read: (text) => {
      const [, sessionId, generation] = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.(0|[1-9]\d{0,8})\.[\w-]{43}$/.exec(text) ?? [];
      if (sessionId === undefined || generation === undefined) return undefined;
      const token = { sessionId, generation: Number(generation) };
      // Compared by hash, so that the time does not reveal how many characters match.
      return sha256(derive(token)).equals(sha256(text)) ? token : undefined;
    },
    hashOf: sha256,
  };
}

const sha256 = (text: string) => createHash('sha256').update(text).digest();

/** The result of a refresh: the token of `generation`, or an error. */
export type Refreshed = { readonly generation: number } | { readonly refused: 'revoked' | 'expired' | 'reused' | 'shared' | 'unknown' };

/**
 * Decides a refresh (RFC 9700, section 4.14.2):
 * - the newest token returns its successor;
 * - the one before it, whose successor has not been used, returns the same successor again, however late: the answer
 * was lost;
 * - the one before that, within `inFlightMs` of its successor's first use, returns that successor: a call in flight;
 * - any older token is a theft: the session ends;
 * - so is a session whose tokens come twice, one after the other: two clients refresh it in turn.
 */
export function judgeRefresh(
  presented: number,
  hashMatches: boolean,
  session: Session,
  { nowMs, idleMs, absoluteMs, inFlightMs, nextHash }: SessionLife & { readonly nowMs: number; nextHash(generation: number): Uint8Array },
): { readonly decision: RefreshDecision; readonly refreshed: Refreshed } {
  const refuse = (refused: 'revoked' | 'expired' | 'unknown') => ({ decision: { kind: 'refuse' }, refreshed: { refused } }) as const;
  if (session.revokedAtMs !== undefined) return refuse('revoked');
  if (nowMs >= session.lastSeenAtMs + idleMs || nowMs >= session.signedInAtMs + absoluteMs) return refuse('expired');
  const age = session.generation - presented;
  if (age < 0 || (age === 0 && !hashMatches)) return refuse('unknown');
  if (age === 0) {
    const generation = presented + 1;
    return { decision: { kind: 'advance', generation, refreshHash: nextHash(generation) }, refreshed: { generation } };
  }
  if (age === 1 || (age === 2 && nowMs < session.advancedAtMs + inFlightMs)) return repeat(presented + 1, session.repeats);
  return { decision: { kind: 'revoke', because: 'refresh_token_reused' }, refreshed: { refused: 'reused' } };
}

/** Returns a token again. However often it is returned, it counts once: a client may lose many answers in a row. */
function repeat(generation: number, repeats: Session['repeats']): ReturnType<typeof judgeRefresh> {
  const refreshed = { generation };
  if (generation <= repeats.generation) return { decision: { kind: 'keep', repeats }, refreshed };
  const inARow = generation === repeats.generation + 1 ? repeats.inARow + 1 : 1;
  if (inARow < repeatsMax) return { decision: { kind: 'keep', repeats: { generation, inARow } }, refreshed };
  return { decision: { kind: 'revoke', because: 'refresh_token_reused' }, refreshed: { refused: 'shared' } };
}
