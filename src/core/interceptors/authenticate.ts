import type { Meter } from '@opentelemetry/api';
import type { Clock } from '../kit/clock.ts';
import { Fault } from '../kit/fault.ts';
import type { AccessPlan } from '../kit/plan.ts';
import { type Soon, settled, soonThen } from '../kit/soon.ts';
import type { Answer, Authenticated, Call, Caller, Interceptor, Traced } from '../ports/call.ts';
import type { Revocations } from '../ports/revocations.ts';
import type { VerifiedToken, VerifyToken } from '../ports/tokens.ts';
import { untilAborted } from './until-aborted.ts';

/** What authentication takes. */
export type AuthenticateParts = {
  readonly verify: VerifyToken;
  readonly revocations: Revocations;
  readonly clock: Clock;
  readonly meter: Meter;
  /** Which client certificate is which service: a subject alternative name ("DNS:orders.internal") to a name. */
  readonly services: ReadonlyMap<string, string>;
};

/**
 * Gives every call below it a `caller`, or ends the call: TOKEN_MISSING, TOKEN_EXPIRED, TOKEN_INVALID, SESSION_REVOKED; SCOPE_MISSING and SERVICE_ONLY for those who are known and
 * may not. A method that is open to all looks at no token, so that an expired one keeps nobody from refreshing it. A stream ends when its token does, or its session.
 */
export function authenticate(parts: AuthenticateParts): Interceptor<Traced, Authenticated> {
  const { verify, services, meter } = parts;
  const failures = meter.createCounter('portico.auth.failures', { description: 'Calls refused by authentication, by reason.' });
  const streams = openStreams(parts);
  const failed = (error: unknown): never => {
    if (error instanceof Fault) failures.add(1, { reason: error.reason });
    throw error;
  };
  const judged = (call: Call): Soon<VerifiedToken> =>
    settled(
      () =>
        soonThen(verify(bearerOf(call)), (verified) => {
          checkAccess(call.plan.access, verified.caller);
          return verified;
        }),
      (verified) => verified,
      failed,
    );
  return function authenticate(call, next) {
    const { access, kind } = call.plan;
    if (access.kind === 'anonymous') return next({ ...call, caller: undefined });
    const service = access.kind === 'services' ? serviceOf(call, services) : undefined;
    if (service !== undefined) return next({ ...call, caller: service });
    return soonThen(judged(call), (verified) => {
      if (verified.userHash !== undefined) call.trace.annotate('user.hash', verified.userHash);
      const known = { ...call, caller: verified.caller };
      return kind === 'unary' ? next(known) : streams(known, verified, next);
    });
  };
}

function bearerOf({ metadata }: Call): string {
  const values = metadata.getAll('authorization');
  if (values.length === 0) throw new Fault('TOKEN_MISSING', 'The call carries no access token: send `authorization: Bearer …`.');
  const token = values.length === 1 && typeof values[0] === 'string' ? /^bearer +([^\s,]+)$/i.exec(values[0])?.[1] : undefined;
  if (token === undefined) throw new Fault('TOKEN_INVALID', 'The metadata "authorization" is not `Bearer` and one token.');
  return token;
}

function serviceOf({ peer }: Call, services: ReadonlyMap<string, string>): Caller | undefined {
  for (const certificateName of peer.certificateNames) {
    const name = services.get(certificateName);
    if (name !== undefined) return { kind: 'service', name };
  }
  return undefined;
}

function checkAccess(access: AccessPlan, caller: Caller): void {
  if (access.kind === 'services') {
    if (caller.kind !== 'service') throw new Fault('SERVICE_ONLY', 'The method is for internal services only.');
    return;
  }
  if (caller.kind !== 'user') throw new Fault('TOKEN_INVALID', 'The token is that of a service: the method is for users.');
  if (access.kind !== 'user') return;
  const missing = access.scopes.filter((scope) => !caller.scopes.has(scope));
  if (missing.length > 0)
    throw new Fault('SCOPE_MISSING', `The access token lacks the scope ${missing.join(', ')}.`, { metadata: { scope: missing.join(' ') } });
}

const revoked = () => new Fault('SESSION_REVOKED', 'The session was ended: sign in anew.');

type Opened = (
  call: Call & Traced & Authenticated,
  verified: VerifiedToken,
  next: (call: Call & Traced & Authenticated) => Soon<Answer>,
) => Promise<Answer>;

/** Streams outlive the moment in which their token was looked at: each ends when the token does, or at once when the session is revoked. */
function openStreams({ clock, revocations }: AuthenticateParts): Opened {
  const bySession = new Map<string, Set<(fault: Fault) => void>>();
  revocations.onAdd((sessionId) => {
    for (const end of bySession.get(sessionId) ?? []) end(revoked());
  });
  return async (call, { endsAtMs, caller }, next) => {
    const controller = new AbortController();
    const end = (reason: unknown) => controller.abort(reason);
    if (call.signal.aborted) end(call.signal.reason);
    else call.signal.addEventListener('abort', () => end(call.signal.reason), { once: true });
    const cancelTimer = clock.after(endsAtMs - clock.nowMs(), () =>
      end(new Fault('TOKEN_EXPIRED', 'The access token of the stream has expired: refresh the session.')),
    );
    const sessionId = caller.kind === 'user' ? caller.sessionId : undefined;
    if (sessionId !== undefined && revocations.has(sessionId)) end(revoked()); // between the look at the token and this one
    const ends = sessionId === undefined ? undefined : (bySession.get(sessionId) ?? new Set());
    if (sessionId !== undefined && ends !== undefined) bySession.set(sessionId, ends.add(end));
    call.onEnd(() => {
      cancelTimer();
      ends?.delete(end);
      if (sessionId !== undefined && ends?.size === 0) bySession.delete(sessionId);
    });
    return untilAborted(controller.signal, () => next({ ...call, signal: controller.signal }));
  };
}
