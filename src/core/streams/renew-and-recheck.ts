import type { Clock } from '../kit/clock.ts';
import { Fault } from '../kit/fault.ts';
import type { Caller, Lifetime } from '../ports/call.ts';

/**
 * The shortest interval between two verifications of permissions: a client may renew with every message. Milliseconds.
 */
const verifyEveryMs = 5_000;

export type RenewalParts = {
  readonly lifetime: Lifetime;
  readonly clock: Clock;
  readonly isOpen: () => boolean;
  /** Called with the caller of a new token: all that the stream may do is verified again. */
  readonly onRenewed: (caller: Caller) => void;
  /** Answers the client: until when the token is valid now, and why the new one was refused. Empty: it was taken. */
  readonly answer: (endsAt: Date, reason: string, message: string) => void;
};

export type Renewal = {
  renew(token: string): Promise<void>;
  end(): void;
};

/** Renews the token of a stream: at once, and then verifies what the stream may do. */
export function openRenewal({ lifetime, clock, isOpen, onRenewed, answer }: RenewalParts): Renewal {
  let cancel = () => {};
  let verifiedAtMs = Number.NEGATIVE_INFINITY;

  /** At once, then not more often than the interval: the older token was valid for that long anyway. */
  const verify = (caller: Caller) => {
    const now = () => {
      verifiedAtMs = clock.monotonicMs();
      if (isOpen()) onRenewed(caller);
    };
    cancel();
    const waitMs = verifiedAtMs + verifyEveryMs - clock.monotonicMs();
    if (waitMs <= 0) now();
    else cancel = clock.after(waitMs, now);
  };
  return {
    renew: async (token) => {
      try {
        const caller = await lifetime.extend(token);
        answer(new Date(lifetime.endsAtMs), '', '');
        verify(caller);
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        answer(new Date(lifetime.endsAtMs), error.reason, error.message);
      }
    },
    end: () => cancel(),
  };
}
