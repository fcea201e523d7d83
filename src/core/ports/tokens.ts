import type { Soon } from '../kit/soon.ts';
import type { Caller } from './call.ts';
import type { Lifetime } from './lifetime.ts';

/** What a good token says. */
export type VerifiedToken = {
  readonly caller: Caller;
  /** `exp` and the tolerance of clocks: milliseconds since 1970. A stream ends then. */
  readonly endsAtMs: number;
  /** Tells users apart in logs and traces without naming them; undefined for services. */
  readonly userHash: string | undefined;
};

/**
 * Judges a bearer token. At once where it was judged before; also then its session, its key and its time are looked at anew.
 * @throws Fault TOKEN_INVALID, TOKEN_EXPIRED, SESSION_REVOKED, or ISSUER_UNAVAILABLE
 */
export type VerifyToken = (token: string) => Soon<VerifiedToken>;

/**
 * Begins the life of a stream.
 * @param check throws when a caller may not make this call
 * @returns its lifetime, and what forgets it when the stream has ended
 */
export type OpenLifetime = (verified: VerifiedToken, check: (caller: Caller) => void) => { readonly lifetime: Lifetime; close(): void };
