import { Fault } from '../../kit/fault.ts';
import type { MethodPlan } from '../../kit/method-plan.ts';
import { type PresenceLimits, presenceTopicOf } from '../../ports/presence.ts';
import type { TopicLimits } from '../../ports/topic-log.ts';
import { type CallerRule, compileRule, type Rule, type RuleSettings } from '../caller-rule.ts';

/** The topics "name:…". */
export type Namespace = CallerRule & {
  readonly limits: TopicLimits;
  /** Slow clients, and those who return, get only the newest event of each key. */
  readonly conflate: boolean;
  /** Clients that may listen may publish, too. */
  readonly publish: boolean;
  /** Undefined: nobody is counted. */
  readonly presence: PresenceLimits | undefined;
};

/** A namespace of the settings. */
export type NamespaceSettings = Pick<Namespace, 'conflate' | 'publish' | 'scopes'> &
  Omit<RuleSettings, 'kind'> & {
    readonly history: number;
    readonly historyAge: number;
    readonly listen: Rule['kind'];
    readonly presence?: { readonly listMax: number; readonly leaveAfter: number } | undefined;
  };

/** @throws Error for a namespace whose rule cannot be run */
export function compileNamespaces(
  namespaces: Readonly<Record<string, NamespaceSettings>>,
  plans: ReadonlyMap<string, MethodPlan>,
): ReadonlyMap<string, Namespace> {
  return new Map(
    Object.entries(namespaces).map(([name, { history: size, historyAge: ageMs, presence, conflate, publish, scopes, listen, ...rule }]) => [
      name,
      {
        limits: { size, ageMs },
        presence: presence && { listMax: presence.listMax, leaveAfterMs: presence.leaveAfter },
        conflate,
        publish,
        scopes,
        rule: compileRule(`live.namespaces.${name}`, { ...rule, kind: listen }, plans),
      },
    ]),
  );
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

export function forbidden(): Fault {
  return new Fault('TOPIC_FORBIDDEN', 'The user may not listen to this topic, or not publish to it.');
}

/** What a span states of a topic, whose name is never in it. */
export function destinationOf(topic: string): { readonly 'messaging.destination.template': string } {
  return { 'messaging.destination.template': `${topic.slice(0, topic.indexOf(':'))}:{name}` };
}
