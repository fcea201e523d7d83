import type { Soon } from '../kit/soon.ts';
import type { Caller, Lifetime } from './call.ts';

/** The result of a verified token. */
export type VerifiedToken = {
  readonly caller: Caller;
  /** `exp` plus the allowed clock skew: the end of a stream. Milliseconds since 1970. */
  readonly endsAtMs: number;
  /** Distinguishes users in logs and traces without naming them; undefined for services. */
  readonly userHash: string | undefined;
};

/**
 * Verifies a bearer token, synchronously if it was verified before. Its session, key and expiry are checked each time.
 * @throws Fault TOKEN_INVALID, TOKEN_EXPIRED, SESSION_REVOKED, or ISSUER_UNAVAILABLE
 */
export type VerifyToken = (token: string) => Soon<VerifiedToken>;

/**
 * Begins the lifetime of a stream.
 * @param check throws when a caller may not make this call
 * @returns its lifetime, and a function that releases it when the stream has ended
 */
export type OpenLifetime = (verified: VerifiedToken, check: (caller: Caller) => void) => { readonly lifetime: Lifetime; close(): void };
