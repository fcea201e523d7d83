import { Fault } from '../kit/fault.ts';
import type { AccessPlan } from '../kit/method-plan.ts';
import type { Caller } from '../ports/call.ts';

/** @throws Fault when the caller may not make a call of this access */
export function checkAccess(access: AccessPlan, caller: Caller | undefined): void {
  const fault = refusedAccess(access, caller);
  if (fault !== undefined) throw fault;
}

/** @returns why the caller may not make a call of this access; undefined: it may */
export function refusedAccess(access: AccessPlan, caller: Caller | undefined): Fault | undefined {
  if (access.kind === 'anonymous') return undefined;
  if (access.kind === 'services')
    return caller?.kind === 'service' ? undefined : new Fault('SERVICE_ONLY', 'The method is for internal services only.');
  if (caller?.kind !== 'user') return new Fault('TOKEN_INVALID', 'The token is that of a service: the method is for users.');
  const missing = access.scopes.filter((scope) => !caller.scopes.has(scope));
  if (missing.length === 0) return undefined;
  return new Fault('SCOPE_MISSING', `The access token lacks the scope ${missing.join(', ')}.`, { metadata: { scope: missing.join(' ') } });
}
