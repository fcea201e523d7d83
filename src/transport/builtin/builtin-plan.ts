import type { FileRegistry } from '@bufbuild/protobuf';
import { type AccessPlan, callKindOf, type MethodPlan } from '../../core/kit/method-plan.ts';
import { unaryDeadlineMs } from '../../core/policy/deadline-policy.ts';

/** The largest request of services for tools. Bytes. */
const requestBytes = 4_096;

/** The deadline of a stream: the age at which an HTTP/2 connection is replaced. Milliseconds. */
const streamMs = 1_800_000;

/** The plan of a method for tools, whose proto has no policy. */
export function builtinPlan(
  registry: FileRegistry,
  service: string,
  name: string,
  access: AccessPlan = { kind: 'anonymous' },
): MethodPlan | undefined {
  const descriptor = registry.getService(service)?.methods.find((method) => method.name === name);
  if (descriptor === undefined) return undefined;
  const kind = callKindOf(descriptor);
  return {
    method: `${service}/${name}`,
    path: `/${service}/${name}`,
    kind,
    descriptor,
    safe: true,
    idempotent: true,
    access,
    deadlineMs: kind === 'unary' ? unaryDeadlineMs : streamMs,
    requestBytes,
    cache: undefined,
    invalidates: [],
    soft: false,
    settleMs: 0,
    duringMaintenance: true,
    outdatedApps: true,
    streamOf: undefined,
    forward: undefined,
    validated: false,
    fingerprint: '',
    defaulted: [],
  };
}
