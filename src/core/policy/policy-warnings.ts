import type { DescMessage } from '@bufbuild/protobuf';
import type { MethodPlan, Template } from '../kit/method-plan.ts';
import { isRecursive } from './message-shape.ts';
import { locate, type Sources } from './policy-errors.ts';
import { numbersOf, type PolicyPath } from './policy-path.ts';

/** Allowed but probably unintended policies, each as `file:line:column: warning`. */
export function warningsOf(plans: readonly MethodPlan[], policy: DescMessage, sources: Sources): readonly string[] {
  const remembered = new Set(plans.flatMap(({ cache }) => cache?.tags ?? []).map(formOf));
  return plans.flatMap((plan) => {
    const { method, descriptor, invalidates } = plan;
    const report = (at: PolicyPath, message: string) => {
      const { path, line, column } = locate({ method: descriptor, policy, path: numbersOf(policy, at) }, message, sources);
      return `${path}:${line}:${column}: ${message}`;
    };
    return [
      ...(isRecursive(descriptor.input)
        ? [report('', `${method} takes ${descriptor.input.typeName}, which can contain itself: deep nesting costs time to refuse.`)]
        : []),
      // a tag may also come from context.tag() or from an upstream, so this is not an error
      ...invalidates.flatMap((template, i) =>
        remembered.has(formOf(template))
          ? []
          : [report(`invalidates[${i}]`, `${method} invalidates "${template.source}", and no cache policy has such a tag.`)],
      ),
    ];
  });
}

/** A template without the names of its parameters: "order:{order_id}" and "order:{id}" make the same tags. */
function formOf({ parts }: Template): string {
  return parts.map((part) => ('text' in part ? part.text : '{}')).join('');
}
