import type { Clock } from '../../kit/clock.ts';
import { Fault } from '../../kit/fault.ts';
import { soonThen } from '../../kit/soon.ts';
import type { Caller, Lifetime } from '../../ports/call.ts';
import type { Revocations } from '../../ports/revocations.ts';
import type { OpenLifetime, VerifyToken } from '../../ports/tokens.ts';

export type LifetimeParts = {
  readonly verify: VerifyToken;
  readonly revocations: Pick<Revocations, 'has' | 'onAdd'>;
  readonly clock: Clock;
};

/** The open streams of every session. Each ends with its token, or at once when its session is revoked. */
export function streamLifetimes({ verify, revocations, clock }: LifetimeParts): OpenLifetime {
  const bySession = new Map<string, Set<(fault: Fault) => void>>();
  revocations.onAdd((sessionId) => {
    for (const end of bySession.get(sessionId) ?? []) end(revoked());
  });
  const register = (sessionId: string, end: (fault: Fault) => void): (() => void) => {
    const ends = bySession.get(sessionId) ?? new Set();
    bySession.set(sessionId, ends.add(end));
    if (revocations.has(sessionId)) end(revoked()); // since the token was verified
    return () => {
      ends.delete(end);
      if (ends.size === 0 && bySession.get(sessionId) === ends) bySession.delete(sessionId);
    };
  };
  return ({ caller, endsAtMs: firstEndsAtMs }, check) => {
    let endsAtMs = firstEndsAtMs;
    let over: Fault | undefined;
    let onEnd: ((fault: Fault) => void) | undefined;
    let closed = false;
    let cancel = () => {};
    const end = (fault: Fault) => {
      if (over !== undefined) return;
      over = fault;
      cancel();
      onEnd?.(fault);
    };
    const arm = () => {
      cancel();
      cancel = clock.after(endsAtMs - clock.nowMs(), () => {
        if (clock.nowMs() < endsAtMs)
          arm(); // a timer of Node lasts 24 days at most
        else end(new Fault('TOKEN_EXPIRED', 'The access token of the stream has expired: refresh the session.'));
      });
    };
    arm();
    const forget = caller.kind === 'user' && caller.sessionId !== undefined ? register(caller.sessionId, end) : () => {};
    const lifetime: Lifetime = {
      get endsAtMs() {
        return endsAtMs;
      },
      extend: (token) =>
        soonThen(verify(token), (verified) => {
          if (!isSame(caller, verified.caller)) throw new Fault('TOKEN_INVALID', "The new token is not of the stream's user and session.");
          check(verified.caller);
          if (over !== undefined) throw over;
          endsAtMs = Math.max(endsAtMs, verified.endsAtMs); // an older token shortens nothing
          if (!closed) arm();
          return verified.caller;
        }),
      onEnd: (callback) => {
        if (over === undefined) onEnd = callback;
        else callback(over);
      },
    };
    const close = () => {
      closed = true;
      cancel();
      forget();
      onEnd = undefined;
    };
    return { lifetime, close };
  };
}

function isSame(caller: Caller, other: Caller): boolean {
  if (caller.kind === 'service') return other.kind === 'service' && other.name === caller.name;
  return other.kind === 'user' && other.issuer === caller.issuer && other.userId === caller.userId && other.sessionId === caller.sessionId;
}

const revoked = () => new Fault('SESSION_REVOKED', 'The session was ended: sign in anew.');
