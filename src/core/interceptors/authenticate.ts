import type { Meter } from '@opentelemetry/api';
import { Fault } from '../kit/fault.ts';
import { type Soon, settled, soonThen } from '../kit/soon.ts';
import type { Answer, Authenticated, Call, Caller, Interceptor, Traced } from '../ports/call.ts';
import type { OpenLifetime, VerifiedToken, VerifyToken } from '../ports/tokens.ts';
import { checkAccess, refusedAccess } from './check-access.ts';
import { refused } from './errors-to-status.ts';
import { tapped } from './tap-messages.ts';

/** The dependencies of authentication. */
export type AuthenticateParts = {
  readonly verify: VerifyToken;
  readonly openLifetime: OpenLifetime;
  readonly meter: Meter;
  /** Services by client certificate: a subject alternative name ("DNS:orders.internal") to a name. */
  readonly services: ReadonlyMap<string, string>;
};

/**
 * Adds a `caller` to the call, or ends the call: TOKEN_MISSING, TOKEN_EXPIRED, TOKEN_INVALID, SESSION_REVOKED, or
 * SCOPE_MISSING and SERVICE_ONLY for a caller without permission. An anonymous method reads no token, so that an
 * expired token can be refreshed. A stream ends with its token or its session.
 */
export function authenticate({ verify, openLifetime, services, meter }: AuthenticateParts): Interceptor<Traced, Authenticated> {
  // Observed, because a counter hashes its attributes at every refusal.
  const failures = new Map<string, number>();
  meter.createObservableCounter('portico.auth.failures', { description: 'Calls refused by authentication, by reason.' }).addCallback((observed) => {
    for (const [reason, count] of failures) observed.observe(count, { reason });
  });
  const verified = (call: Call): Soon<VerifiedToken | Fault> => {
    const bearer = bearerOf(call);
    if (bearer instanceof Fault) return bearer;
    return settled(
      () => verify(bearer),
      (token) => refusedAccess(call.plan.access, token.caller) ?? token,
      (error) => {
        if (error instanceof Fault) return error;
        throw error;
      },
    );
  };
  return function authenticate(call, next) {
    const { access, kind } = call.plan;
    if (access.kind === 'anonymous') return next({ ...call, caller: undefined, lifetime: undefined });
    const service = access.kind === 'services' ? serviceOf(call, services) : undefined;
    if (service !== undefined) return next({ ...call, caller: service, lifetime: undefined });
    return soonThen(verified(call), (token) => {
      if (token instanceof Fault) {
        failures.set(token.reason, (failures.get(token.reason) ?? 0) + 1);
        return refused(token);
      }
      if (token.userHash !== undefined) call.trace.annotate('user.hash', token.userHash);
      const { caller } = token;
      if (kind === 'unary') return next({ ...call, caller, lifetime: undefined });
      // A stream continues after its token was verified.
      const { lifetime, close } = openLifetime(token, (other) => checkAccess(access, other));
      const controller = new AbortController();
      const { signal } = controller;
      if (call.signal.aborted) controller.abort(call.signal.reason);
      else call.signal.addEventListener('abort', () => controller.abort(call.signal.reason), { once: true });
      lifetime.onEnd((fault) => controller.abort(fault));
      call.onEnd(close);
      return untilAborted(signal, () => next({ ...call, caller, lifetime, signal }));
    });
  };
}

function bearerOf({ metadata }: Call): string | Fault {
  const values = metadata.getAll('authorization');
  if (values.length === 0) return new Fault('TOKEN_MISSING', 'The call carries no access token: send `authorization: Bearer …`.');
  const token = values.length === 1 && typeof values[0] === 'string' ? /^bearer +([^\s,]+)$/i.exec(values[0])?.[1] : undefined;
  return token ?? new Fault('TOKEN_INVALID', 'The metadata "authorization" is not `Bearer` and one token.');
}

/**
 * The answer of `make`, until the signal is aborted. Then the wait fails with the signal's reason. The answer is raced,
 * not only signalled, because its computation may ignore the signal. An abandoned answer is closed, and its rejection
 * is ignored.
 */
async function untilAborted(signal: AbortSignal, make: () => Soon<Answer>): Promise<Answer> {
  const answer = await raced(signal, Promise.resolve(make()));
  return answer.body instanceof Uint8Array ? answer : { ...answer, body: tapped(answer.body, { until: signal }) };
}

/** One listener for each wait, which Node frees with the wait. */
function raced<T>(signal: AbortSignal, waited: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    waited.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/**
 * The internal service that calls, by its client certificate.
 * @param services a subject alternative name ("DNS:orders.internal") to a name
 */
export function serviceOf({ peer }: Call, services: ReadonlyMap<string, string>): Caller | undefined {
  for (const certificateName of peer.certificateNames) {
    const name = services.get(certificateName);
    if (name !== undefined) return { kind: 'service', name };
  }
  return undefined;
}
