import type { Fault } from '../kit/fault.ts';
import type { Soon } from '../kit/soon.ts';

/** How long a stream may continue: while its token is valid and its session has not ended. */
export type Lifetime = {
  /** The expiry of the newest token plus the allowed clock skew. Milliseconds since 1970. */
  readonly endsAtMs: number;
  /**
   * Verifies a new token for the stream, which then continues until that token ends. The caller stays as at the
   * beginning.
   * @throws Fault TOKEN_INVALID when it belongs to another user or session, SCOPE_MISSING when it may not call this
   * method, or an error of its verification; the old token then still applies
   */
  extend(token: string): Soon<void>;
  /** Calls back once with TOKEN_EXPIRED or SESSION_REVOKED at the end, or at once if it has already ended. */
  onEnd(callback: (fault: Fault) => void): void;
};
