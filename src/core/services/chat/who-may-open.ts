import { Fault } from '../../kit/fault.ts';
import type { MethodPlan } from '../../kit/method-plan.ts';
import type { Soon } from '../../kit/soon.ts';
import type { Answer, Call, Caller, ReadyCall } from '../../ports/call.ts';
import { mayPass } from '../../streams/close-advice.ts';
import { type CallerRule, checkRule, compileRule, oneMessageRequest, type Rule, type RuleSettings, requestOf } from '../caller-rule.ts';

/** A kind of subjects of the settings. */
export type SubjectSettings = Omit<RuleSettings, 'kind'> & { readonly open: Rule['kind']; readonly scopes: readonly string[] };

export type SubjectParts = {
  readonly subjects: Readonly<Record<string, SubjectSettings>>;
  /** Whether users may open conversations that are about nothing of the company. */
  readonly withoutSubject: boolean;
  readonly plans: ReadonlyMap<string, MethodPlan>;
  /** The chain of a cached method, for a caller who was authenticated. */
  readonly answerWatched: (call: Call & { readonly caller: Caller | undefined }) => Soon<Answer>;
};

/**
 * Whether a user may open a conversation about a subject. Nobody may, when that cannot be verified.
 * @throws Fault SUBJECT_UNKNOWN, SUBJECT_FORBIDDEN; what the rule's method failed with, where another try may help
 */
export type CheckSubject = (subject: string, call: ReadyCall) => Promise<void>;

/** @throws Error for a subject whose rule cannot be run */
export function subjectRules({ subjects, withoutSubject, plans, answerWatched }: SubjectParts): CheckSubject {
  const rules = new Map<string, CallerRule>(
    Object.entries(subjects).map(([name, { open, scopes, ...rule }]) => [
      name,
      { scopes, rule: compileRule(`chat.subjects.${name}`, { ...rule, kind: open }, plans) },
    ]),
  );
  return async (subject, call) => {
    const forbidden = () => new Fault('SUBJECT_FORBIDDEN', 'The user may not open a conversation about this subject.', { metadata: { subject } });
    if (subject === '' && !withoutSubject) throw forbidden();
    if (subject === '') return;
    const at = subject.indexOf(':');
    const rule = rules.get(subject.slice(0, at));
    if (rule === undefined)
      throw new Fault('SUBJECT_UNKNOWN', `The configuration has no subjects of the kind of ${subject}.`, { metadata: { subject } });
    const name = subject.slice(at + 1);
    const asked = checkRule(rule, name, call.caller, forbidden);
    if (asked === undefined) return;
    const { plan } = asked;
    const request = oneMessageRequest(plan, requestOf(asked, name));
    try {
      await answerWatched({ ...call, plan, protocol: 'grpc', request, onEnd: () => {} });
    } catch (error) {
      throw mayPass(error) ? error : forbidden();
    }
  };
}
