import type { DescMethod } from '@bufbuild/protobuf';
import type { Policy } from '../../gen/portico/v1/policy.ts';
import type { AccessPlan, CallKind, Template } from '../kit/method-plan.ts';
import { durationBetween, type Report, reportDuplicates } from './policy-errors.ts';
import { tagsMax } from './tag-limits.ts';
import { parseTemplate, whyNoSub } from './tag-template.ts';

/** The longest settle time after an invalidation. */
export const settleMaxMs = 600_000;

type Written = {
  readonly kind: CallKind;
  /** NO_SIDE_EFFECTS. */
  readonly safe: boolean;
  readonly accessKind: AccessPlan['kind'];
  /** Claims that templates may name. */
  readonly claims: ReadonlySet<string>;
  readonly report: Report;
};

/** @returns what a write invalidates, and for how long it settles; contradictions are reported */
export function invalidatesOf(
  policy: Policy,
  method: DescMethod,
  { kind, safe, accessKind, claims, report }: Written,
): { readonly invalidates: readonly Template[]; readonly settleMs: number } {
  if (policy.invalidates.length > 0 && safe && policy.streamOf === '')
    report('invalidates[0]', 'invalidates is only for methods that change things; this one is NO_SIDE_EFFECTS.');
  if (policy.invalidates.length > 0 && (kind === 'client_stream' || kind === 'bidi_stream'))
    report('invalidates[0]', 'invalidates needs a single request to take its values from; this method takes a stream.');
  const invalidates = policy.invalidates.flatMap((source, i) => {
    const template = parseTemplate(source, method.input, claims);
    if (!('wrong' in template)) return [template];
    report(`invalidates[${i}]`, whyNoSub(source, accessKind) ?? template.wrong);
    return [];
  });
  reportDuplicates(policy.invalidates, 'tag', 'invalidates', report);
  if (policy.invalidates.length > tagsMax)
    report(`invalidates[${tagsMax}]`, `invalidates has ${policy.invalidates.length} tags: at most ${tagsMax} are allowed.`);
  if (policy.soft && policy.invalidates.length === 0)
    report('soft', 'soft needs invalidates, whose effect it changes. Add invalidates, or leave soft out.');
  if (policy.settle !== '' && policy.invalidates.length === 0)
    report('settle', 'settle needs invalidates, whose tags it is for. Add invalidates, or leave settle out.');
  const settleMs = policy.settle === '' ? 0 : durationBetween(policy.settle, { leastMs: 1, mostMs: settleMaxMs }, 'settle', report);
  return { invalidates, settleMs };
}
