import { create, ScalarType, toBinary } from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import type { MethodPlan } from '../kit/method-plan.ts';
import { RequestMessage } from '../kit/request-message.ts';
import type { Caller, CallRequest } from '../ports/call.ts';

/** Which users a rule admits to what has a name, such as the topic or the subject "order:42", whose name is "42". */
export type Rule =
  | { readonly kind: 'users' }
  /** The user whose id is the name. */
  | { readonly kind: 'owner' }
  /** Users whose claim is the name. */
  | { readonly kind: 'claim'; readonly claim: string }
  | MethodRule;

/** Users whom a cached unary method answers, given the name in one field. */
export type MethodRule = { readonly kind: 'method'; readonly plan: MethodPlan; readonly field: string };

/** How long the method of a rule may fail before what it had allowed is closed. Milliseconds. */
export const unverifiedMs = 60_000;

/** A rule, and the scopes that a caller needs besides. */
export type CallerRule = { readonly scopes: readonly string[]; readonly rule: Rule };

/** A rule of the settings. */
export type RuleSettings = {
  readonly kind: Rule['kind'];
  readonly claim?: string | undefined;
  readonly method?: string | undefined;
  readonly field?: string | undefined;
};

/** @param key of the settings, for errors. @throws Error for a rule that cannot be run */
export function compileRule(key: string, { kind, claim = '', method = '', field = '' }: RuleSettings, plans: ReadonlyMap<string, MethodPlan>): Rule {
  if (kind === 'claim') return { kind, claim };
  if (kind !== 'method') return { kind };
  const wrong = (name: string, message: string) => new Error(`${key}.${name}: ${message}`);
  const plan = plans.get(`/${method}`);
  if (plan === undefined) throw wrong('method', `there is no method ${method}.`);
  if (plan.cache === undefined || plan.cache.scope === 'shared')
    throw wrong('method', `${method} is ${plan.cache === undefined ? 'not cached' : 'SCOPE_SHARED, and knows no caller'}.`);
  const found = plan.descriptor.input.fields.find((candidate) => candidate.name === field);
  if (found?.fieldKind !== 'scalar' || found.scalar !== ScalarType.STRING)
    throw wrong('field', `${plan.descriptor.input.typeName} has no text field ${field}.`);
  return { kind, plan, field };
}

/**
 * What the caller's token alone decides.
 * @param forbidden the error for a caller whom the rule does not admit
 * @returns the method to ask, where the token does not decide
 */
export function checkRule({ scopes, rule }: CallerRule, name: string, caller: Caller | undefined, forbidden: () => Error): MethodRule | undefined {
  if (caller?.kind !== 'user' || scopes.some((scope) => !caller.scopes.has(scope))) throw forbidden();
  if (rule.kind === 'owner' && caller.userId !== name) throw forbidden();
  if (rule.kind === 'claim' && caller.claims.get(rule.claim) !== name) throw forbidden();
  return rule.kind === 'method' ? rule : undefined;
}

/** The request that asks the rule's method about a name. */
export function requestOf({ plan, field }: MethodRule, name: string): Uint8Array {
  const { input } = plan.descriptor;
  const message = create(input);
  const found = input.fields.find((candidate) => candidate.name === field);
  if (found?.fieldKind !== 'scalar') throw new Error(`${plan.method} has no text field ${field}.`);
  reflect(input, message).set(found, name);
  return toBinary(input, message);
}

/** The request of a call that the server makes itself: one message, encoded. */
export function oneMessageRequest({ descriptor }: MethodPlan, bytes: Uint8Array): CallRequest {
  return { one: () => new RequestMessage(descriptor.input, bytes), each: noRequests, bytesRead: bytes.byteLength };
}

async function* noRequests(): AsyncGenerator<Uint8Array> {}
