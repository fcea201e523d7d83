/** Why a session ended. */
export type RevokedBecause = 'signed_out' | 'signed_out_everywhere' | 'device_revoked' | 'refresh_token_reused' | 'user_erased';

/**
 * Refresh tokens that were returned more than once: the number of the newest such token (0: none), and how many
 * successive tokens up to it were.
 */
export type Repeats = { readonly generation: number; readonly inARow: number };

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
  /** When the newest refresh token was created: the first use of the one before it. */
  readonly advancedAtMs: number;
  readonly repeats: Repeats;
  readonly revokedAtMs: number | undefined;
};

/**
 * The outcome of a refresh: it is refused and nothing changes, the session keeps its token, advances to a new one, or
 * ends.
 */
export type RefreshDecision =
  | { readonly kind: 'refuse' }
  | { readonly kind: 'keep'; readonly repeats: Repeats }
  | { readonly kind: 'advance'; readonly generation: number; readonly refreshHash: Uint8Array }
  | { readonly kind: 'revoke'; readonly because: RevokedBecause };

/** Milliseconds since 1970. */
export type Forgotten = { readonly endedMs: number; readonly seenMs: number; readonly signedInMs: number; readonly expiredMs: number };

/** A part of a user's sessions: those seen and signed in after these times, that follow a session in the list. */
export type SessionsPage = {
  readonly seenMs: number;
  readonly signedInMs: number;
  readonly most: number;
  /** Undefined: the first page. */
  readonly following: Pick<Session, 'signedInAtMs' | 'id'> | undefined;
};

/**
 * Device sessions in durable storage: a resolved change survives the process. Every method throws Fault STORAGE_DOWN
 * when the database is unavailable.
 */
export type Sessions = {
  create(session: Session): Promise<void>;
  /**
   * Reads the session under a lock, calls `decide`, and applies its decision, all in one transaction: the second of two
   * concurrent refreshes sees the effect of the first.
   * @param decide may be called more than once, so it has no side effects
   * @returns the result of the decision that was applied, or undefined when there is no such session
   */
  refresh<Result>(
    id: string,
    nowMs: number,
    decide: (session: Session) => { readonly decision: RefreshDecision; readonly result: Result },
  ): Promise<Result | undefined>;
  /** Sessions of a user that have not ended: the newest sign-in first, of those at the same time the largest id. */
  ofUser(userId: string, page: SessionsPage): Promise<readonly Session[]>;
  /** Ends one session of the user. @returns whether it was active */
  revoke(id: string, userId: string, because: RevokedBecause, nowMs: number): Promise<boolean>;
  /** Ends all sessions of the user. @returns the ids of those that were active */
  revokeAll(userId: string, because: RevokedBecause, nowMs: number): Promise<readonly string[]>;
  /** Ids of sessions that ended at or after `sinceMs`. */
  revokedSince(sinceMs: number): Promise<readonly string[]>;
  /** @returns false when the nonce was used before; it is deleted after `expiresAtMs` */
  useNonce(hash: Uint8Array, nowMs: number, expiresAtMs: number): Promise<boolean>;
  /**
   * Deletes sessions that ended before `endedMs`, or were last seen or signed in before these times, and nonces that
   * expired before `expiredMs`: at most `most` of each. It deletes nothing while another replica does so.
   * @returns the larger of the two numbers of deleted rows
   */
  forget(before: Forgotten, most: number): Promise<number>;
};
