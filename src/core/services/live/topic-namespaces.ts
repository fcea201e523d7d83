import { create, ScalarType, toBinary } from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import { Fault } from '../../kit/fault.ts';
import type { MethodPlan } from '../../kit/method-plan.ts';
import type { Caller } from '../../ports/call.ts';
import { type PresenceLimits, presenceTopicOf } from '../../ports/presence.ts';
import type { TopicLimits } from '../../ports/topic-log.ts';

/** Who may listen to the topics of a namespace, besides having its scopes. */
export type Rule =
  | { readonly kind: 'users' }
  /** The user whose id is the topic's name. */
  | { readonly kind: 'owner' }
  /** Users whose claim is the topic's name. */
  | { readonly kind: 'claim'; readonly claim: string }
  /** Users whom a cached unary method answers, given the topic's name in one field. */
  | { readonly kind: 'method'; readonly plan: MethodPlan; readonly field: string };

/** The topics "name:…". */
export type Namespace = {
  readonly limits: TopicLimits;
  /** Slow clients, and those who return, get only the newest event of each key. */
  readonly conflate: boolean;
  /** Clients that may listen may publish, too. */
  readonly publish: boolean;
  readonly scopes: readonly string[];
  readonly rule: Rule;
  /** Undefined: nobody is counted. */
  readonly presence: PresenceLimits | undefined;
};

/** A namespace of the settings. */
export type NamespaceSettings = Pick<Namespace, 'conflate' | 'publish' | 'scopes'> & {
  readonly history: number;
  readonly historyAge: number;
  readonly listen: Rule['kind'];
  readonly claim?: string | undefined;
  readonly method?: string | undefined;
  readonly field?: string | undefined;
  readonly presence?: { readonly listMax: number; readonly leaveAfter: number } | undefined;
};

/** @throws Error for a namespace whose rule cannot be run */
export function compileNamespaces(
  namespaces: Readonly<Record<string, NamespaceSettings>>,
  plans: ReadonlyMap<string, MethodPlan>,
): ReadonlyMap<string, Namespace> {
  return new Map(
    Object.entries(namespaces).map(([name, { history: size, historyAge: ageMs, presence, conflate, publish, scopes, ...rule }]) => [
      name,
      {
        limits: { size, ageMs },
        presence: presence && { listMax: presence.listMax, leaveAfterMs: presence.leaveAfter },
        conflate,
        publish,
        scopes,
        rule: ruleOf(name, rule, plans),
      },
    ]),
  );
}

type RuleSettings = Pick<NamespaceSettings, 'listen' | 'claim' | 'method' | 'field'>;

function ruleOf(name: string, { listen, claim = '', method = '', field = '' }: RuleSettings, plans: ReadonlyMap<string, MethodPlan>): Rule {
  if (listen === 'claim') return { kind: listen, claim };
  if (listen !== 'method') return { kind: listen };
  const wrong = (key: string, message: string) => new Error(`live.namespaces.${name}.${key}: ${message}`);
  const plan = plans.get(`/${method}`);
  if (plan === undefined) throw wrong('method', `there is no method ${method}.`);
  if (plan.cache === undefined || plan.cache.scope === 'shared')
    throw wrong('method', `${method} is ${plan.cache === undefined ? 'not cached' : 'SCOPE_SHARED, and knows no caller'}.`);
  const found = plan.descriptor.input.fields.find((candidate) => candidate.name === field);
  if (found?.fieldKind !== 'scalar' || found.scalar !== ScalarType.STRING)
    throw wrong('field', `${plan.descriptor.input.typeName} has no text field ${field}.`);
  return { kind: listen, plan, field };
}

export type TopicOf = { readonly namespace: Namespace /** Behind the colon. */; readonly name: string };

/** @throws Fault TOPIC_UNKNOWN */
export type ReadTopic = (topic: string) => TopicOf;

export function topicsOf(namespaces: ReadonlyMap<string, Namespace>): ReadTopic {
  return (topic) => {
    const at = topic.indexOf(':');
    const namespace = namespaces.get(topic.slice(0, Math.max(0, at)));
    if (namespace === undefined || at === topic.length - 1 || !/^[!-~]+$/.test(topic) || topic.endsWith(presenceTopicOf('')))
      throw new Fault('TOPIC_UNKNOWN', `The configuration has no namespace of the topic ${topic}.`, { metadata: { topic } });
    return { namespace, name: topic.slice(at + 1) };
  };
}

/**
 * What the caller's token alone decides.
 * @returns the method to ask, where it does not
 * @throws Fault TOPIC_FORBIDDEN
 */
export function checkListen(
  { namespace: { scopes, rule }, name }: TopicOf,
  caller: Caller | undefined,
): Extract<Rule, { kind: 'method' }> | undefined {
  if (caller?.kind !== 'user' || scopes.some((scope) => !caller.scopes.has(scope))) throw forbidden();
  if (rule.kind === 'owner' && caller.userId !== name) throw forbidden();
  if (rule.kind === 'claim' && caller.claims.get(rule.claim) !== name) throw forbidden();
  return rule.kind === 'method' ? rule : undefined;
}

export function forbidden(): Fault {
  return new Fault('TOPIC_FORBIDDEN', 'The user may not listen to this topic, or not publish to it.');
}

/** The request that asks the rule's method about a topic. */
export function requestOf({ plan, field }: Extract<Rule, { kind: 'method' }>, name: string): Uint8Array {
  const { input } = plan.descriptor;
  const message = create(input);
  const found = input.fields.find((candidate) => candidate.name === field);
  if (found?.fieldKind !== 'scalar') throw new Error(`${plan.method} has no text field ${field}.`);
  reflect(input, message).set(found, name);
  return toBinary(input, message);
}
