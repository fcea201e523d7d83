import type { FileRegistry } from '@bufbuild/protobuf';
import type { MethodPlan } from '../../core/kit/plan.ts';
import { callKindOf } from '../../core/policy/call-kind.ts';

/** The largest request of services for tools. Bytes. */
const requestBytes = 4_096;

/** The plan of a method for tools, whose proto has no policy: anonymous, without a deadline. */
export function openPlan(registry: FileRegistry, service: string, name: string): MethodPlan | undefined {
  const descriptor = registry.getService(service)?.methods.find((method) => method.name === name);
  if (descriptor === undefined) return undefined;
  return {
    method: `${service}/${name}`,
    path: `/${service}/${name}`,
    kind: callKindOf(descriptor),
    descriptor,
    safe: true,
    idempotent: true,
    access: { kind: 'anonymous' },
    deadlineMs: undefined,
    requestBytes,
    cache: undefined,
    invalidates: [],
    soft: false,
    settleMs: 0,
    streamOf: undefined,
    forward: undefined,
    validated: false,
    fingerprint: '',
    defaulted: [],
  };
}
