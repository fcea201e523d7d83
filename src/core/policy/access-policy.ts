import type { Access } from '../../gen/portico/v1/policy.ts';
import type { AccessPlan } from '../kit/method-plan.ts';
import { type Report, reportDuplicates } from './policy-errors.ts';

/** RFC 6749, section 3.3: the characters of a scope. */
const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/** @returns who may call: any signed-in user without an access policy */
export function accessOf(access: Access | undefined, report: Report): AccessPlan {
  if (access === undefined) return { kind: 'user', scopes: [] };
  if (access.anonymous && access.scopes.length > 0)
    report('access.scopes[0]', 'access is anonymous and wants scopes: an anonymous caller has none. Keep one of them.');
  if (access.anonymous && access.services) report('access.services', 'access is for anyone and for internal services only. Keep one of them.');
  if (access.services && access.scopes.length > 0)
    report('access.scopes[0]', 'access is for internal services and wants scopes: services have none. Keep one of them.');
  access.scopes.forEach((scope, i) => {
    if (!scopeToken.test(scope))
      report(
        `access.scopes[${i}]`,
        `scope "${scope}" is not one: printable ASCII without spaces, quotes and backslashes is allowed, such as "home.read".`,
      );
  });
  reportDuplicates(access.scopes, 'scope', 'access.scopes', report);
  if (access.anonymous) return { kind: 'anonymous' };
  return access.services ? { kind: 'services' } : { kind: 'user', scopes: access.scopes };
}
