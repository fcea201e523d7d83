/** Why a session ended. */
export type RevokedBecause = 'signed_out' | 'signed_out_everywhere' | 'device_revoked' | 'refresh_token_reused';

/** One sign-in of a device. Times are milliseconds since 1970. */
export type Session = {
  /** A UUID; also `sid` of its access tokens and the family of its refresh tokens. */
  readonly id: string;
  readonly userId: string;
  readonly device: { readonly platform: string; readonly name: string; readonly installationId: string };
  readonly scopes: readonly string[];
  /** Claims of the identity that its access tokens repeat, for policies. */
  readonly claims: Readonly<Record<string, string>>;
  readonly signedInAtMs: number;
  readonly lastSeenAtMs: number;
  /** The number of the newest refresh token, from 0. */
  readonly generation: number;
  /** SHA-256 of the newest refresh token. */
  readonly refreshHash: Uint8Array;
  /** When the newest refresh token was made, which is when the one before it was first used. */
  readonly advancedAtMs: number;
  readonly revokedAtMs: number | undefined;
};

/** What becomes of a session whose refresh token came: it is refused and nothing changes, it goes on with the same token, advances to a new one, or ends. */
export type RefreshDecision =
  | { readonly kind: 'refuse' }
  | { readonly kind: 'keep' }
  | { readonly kind: 'advance'; readonly generation: number; readonly refreshHash: Uint8Array }
  | { readonly kind: 'revoke'; readonly because: RevokedBecause };

/** Milliseconds since 1970. */
export type Forgotten = { readonly endedMs: number; readonly seenMs: number; readonly signedInMs: number; readonly expiredMs: number };

/** Device sessions, for good: what resolved survives the process. Every method throws Fault STORAGE_DOWN when the database cannot be reached. */
export type Sessions = {
  create(session: Session): Promise<void>;
  /**
   * Reads the session under a lock, asks `decide`, and does what it says, all in one transaction: of two refreshes at once the second sees what the first did.
   * @param decide may be asked more than once: it only decides
   * @returns the result that came with the decision that was carried out, or undefined when there is no such session
   */
  refresh<Result>(
    id: string,
    nowMs: number,
    decide: (session: Session) => { readonly decision: RefreshDecision; readonly result: Result },
  ): Promise<Result | undefined>;
  /** Sessions of a user that were not ended, and that were seen and signed in after these times: the newest sign-in first. */
  ofUser(userId: string, most: number, after: { readonly seenMs: number; readonly signedInMs: number }): Promise<readonly Session[]>;
  /** Ends one session of the user. @returns whether it was alive */
  revoke(id: string, userId: string, because: RevokedBecause, nowMs: number): Promise<boolean>;
  /** Ends all sessions of the user. @returns the ids of those that were alive */
  revokeAll(userId: string, because: RevokedBecause, nowMs: number): Promise<readonly string[]>;
  /** Ids of sessions that ended at or after `sinceMs`. */
  revokedSince(sinceMs: number): Promise<readonly string[]>;
  /** @returns false when the nonce was used before; it is forgotten after `expiresAtMs` */
  useNonce(hash: Uint8Array, nowMs: number, expiresAtMs: number): Promise<boolean>;
  /**
   * Forgets sessions that ended before `endedMs`, or were last seen or signed in before these times, and nonces that expired before `expiredMs`: at most `most` of each. Where another
   * replica does so at the moment, nothing.
   * @returns the larger of the two numbers that were forgotten
   */
  forget(before: Forgotten, most: number): Promise<number>;
};
