import type { Fault } from '../kit/fault.ts';
import type { Soon } from '../kit/soon.ts';

/** How long a stream may go on: as long as its token is good, and its session lives. */
export type Lifetime = {
  /** The end of the newest token, with what clocks may differ by: milliseconds since 1970. */
  readonly endsAtMs: number;
  /**
   * Verifies a new token for the stream, which then goes on until that one ends. What is known of the caller stays as it was at the beginning.
   * @throws Fault TOKEN_INVALID when it is another user's or session's, SCOPE_MISSING when it may not call this method, or what its verification throws: the old token still counts
   */
  extend(token: string): Soon<void>;
  /** Calls back once with TOKEN_EXPIRED or SESSION_REVOKED when it is over; at once when it is over already. */
  onEnd(callback: (fault: Fault) => void): void;
};
