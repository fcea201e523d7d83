import type { DescMessage, DescMethod, DescService, FileRegistry } from '@bufbuild/protobuf';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import { Policy } from '../../gen/portico/v1/policy.ts';
import { oneReading } from '../kit/ambiguous-bytes.ts';
import { messagesWithin } from '../kit/messages-within.ts';
import { callKindOf, type MethodPlan } from '../kit/method-plan.ts';
import { accessOf } from './access-policy.ts';
import { cacheOf } from './cache-policy.ts';
import { collidingNames } from './colliding-names.ts';
import { deadlineOf } from './deadline-policy.ts';
import { fingerprintOf } from './fingerprint.ts';
import { forwardOf } from './forward-policy.ts';
import { invalidatesOf } from './invalidates-policy.ts';
import { type Finding, PolicyErrors, type Report, type Sources } from './policy-errors.ts';
import { numbersOf } from './policy-path.ts';
import { warningsOf } from './policy-warnings.ts';
import { requestBytesOf } from './request-size-limits.ts';
import { streamOf } from './stream-of-policy.ts';
import { unenforcedFields } from './unenforced-fields.ts';

/**
 * `portico.v1.policy` among the options of a method, and protovalidate's rules among those of fields, messages and
 * oneofs.
 */
const policyExtension = 50001;
const rulesExtension = 1159;

export type Compiled = {
  /** By path, "/app.v1.HomeService/GetHome". */
  readonly plans: ReadonlyMap<string, MethodPlan>;
  readonly registry: FileRegistry;
  /** Allowed but probably unintended policies, each with its position. */
  readonly warnings: readonly string[];
};

/**
 * Compiles the plan of every method of the served services.
 * @param descriptorSet a google.protobuf.FileDescriptorSet with source info
 * @param served by full name of a service: whether the server answers it
 * @param upstreams names in the configuration; undefined: forward's upstream is not checked
 * @param called full names of the services that screens call
 * @throws PolicyErrors with all contradictions
 */
export function compilePlans({
  registry,
  sources,
  served,
  upstreams,
  called = new Set(),
}: {
  readonly registry: FileRegistry;
  readonly sources: Sources;
  readonly served: (service: string) => boolean;
  readonly upstreams?: ReadonlySet<string>;
  readonly called?: ReadonlySet<string>;
}): Compiled {
  const methods = [...registry.files].flatMap((file) =>
    file.services.filter(({ typeName }) => served(typeName)).flatMap((service: DescService) => service.methods),
  );
  const findings: Finding[] = [];
  const plans = new Map<string, MethodPlan>();
  // a write may invalidate by every claim that distinguishes answers
  const policy = policyType(registry);
  const claims = new Set(['sub', ...methods.flatMap((method) => policyOf(method, policy)?.cache?.claims ?? [])]);
  const reportOf =
    (method: DescMethod): Report =>
    (path, message) =>
      findings.push({ method, policy, path: numbersOf(policy, path), message });
  for (const method of methods) {
    for (const { path, message } of unenforcedFields(policyBytes(method) ?? new Uint8Array(), policy))
      findings.push({ method, policy, path, message });
    const plan = planOf(method, { registry, policyType: policy, upstreams, claims, report: reportOf(method) });
    plans.set(plan.path, plan);
  }
  for (const method of methods) streamOf.checkAccess(method, plans, reportOf(method));
  const services = [...registry.files].flatMap((file) => file.services.filter(({ typeName }) => served(typeName) || called.has(typeName)));
  findings.push(...collidingNames(services, (method) => plans.get(`/${nameOf(method)}`)?.forward === undefined));
  if (findings.length > 0) throw new PolicyErrors(findings, sources);
  return { plans, registry, warnings: warningsOf([...plans.values()], policy, sources) };
}

function policyType(registry: FileRegistry): DescMessage {
  const policy = registry.getMessage('portico.v1.Policy');
  if (policy === undefined) throw new Error('The descriptors have no portico.v1.Policy: run `npm run generate`.');
  return policy;
}

/** The policy in a method's options. */
export function policyBytes(method: DescMethod): Uint8Array | undefined {
  // a policy in several options (`option (portico.v1.policy).deadline = …;`) is several fields, which concatenation
  // merges
  const fields = (method.proto.options?.$unknown ?? []).filter(({ no }) => no === policyExtension);
  return fields.length === 0 ? undefined : Buffer.concat(fields.map(({ data }) => new BinaryReader(data).bytes()));
}

/**
 * A message field may occur several times, and compilers write each occurrence: they are merged, as every protobuf
 * parser does.
 */
function policyOf(method: DescMethod, type: DescMessage): Policy | undefined {
  const bytes = policyBytes(method);
  return bytes && Policy.decode(oneReading(type)(bytes));
}

function nameOf(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}

function planOf(
  method: DescMethod,
  context: {
    readonly registry: FileRegistry;
    readonly policyType: DescMessage;
    readonly upstreams: ReadonlySet<string> | undefined;
    readonly claims: ReadonlySet<string>;
    readonly report: Report;
  },
): MethodPlan {
  const { report } = context;
  const bytes = policyBytes(method) ?? new Uint8Array();
  const policy = policyOf(method, context.policyType) ?? Policy.fromPartial({});
  const kind = callKindOf(method);
  const safe = method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
  const access = accessOf(policy.access, report);
  const deadlineMs = deadlineOf(policy, kind, report);
  if (policy.cache !== undefined && kind !== 'unary')
    report(
      'cache',
      `cache is only for unary methods; ${method.name} is a stream${policy.streamOf === '' ? '' : ', and answers from the entry of its unary method'}.`,
    );
  else if (policy.cache !== undefined && !safe)
    report('cache', `cache needs "option idempotency_level = NO_SIDE_EFFECTS;": the answer of a method that changes something cannot be cached.`);
  const { invalidates, settleMs } = invalidatesOf(policy, method, {
    kind,
    safe,
    accessKind: access.kind,
    claims: access.kind === 'user' ? context.claims : new Set(),
    report,
  });
  const plan: MethodPlan = {
    method: nameOf(method),
    path: `/${nameOf(method)}`,
    kind,
    descriptor: method,
    safe,
    idempotent: safe || method.idempotency === MethodOptions_IdempotencyLevel.IDEMPOTENT,
    access,
    deadlineMs,
    requestBytes: requestBytesOf(policy.requestBytes, kind, report),
    cache: policy.cache === undefined ? undefined : cacheOf(policy.cache, method, access, report),
    invalidates,
    soft: policy.soft,
    settleMs,
    duringMaintenance: policy.duringMaintenance || access.kind === 'services',
    outdatedApps: policy.outdatedApps || access.kind === 'services',
    streamOf: policy.streamOf === '' ? undefined : streamOf.resolve(policy, method, kind, report),
    forward: policy.forward === undefined ? undefined : forwardOf(policy.forward, method, context),
    validated: hasRules(method),
    fingerprint: fingerprintOf(method, bytes),
    defaulted: [
      ...(policy.access === undefined ? ['access'] : []),
      ...(policy.deadline === '' ? ['deadline'] : []),
      ...(policy.requestBytes === 0 ? ['request_bytes'] : []),
    ],
  };
  return plan;
}

function hasRules(method: DescMethod): boolean {
  const ruled = (options: { readonly $unknown?: readonly { readonly no: number }[] } | undefined) =>
    options?.$unknown?.some(({ no }) => no === rulesExtension) ?? false;
  return [...messagesWithin(method.input)].some(
    (message) =>
      ruled(message.proto.options) ||
      message.fields.some((field) => ruled(field.proto.options)) ||
      message.oneofs.some((oneof) => ruled(oneof.proto.options)),
  );
}

/** Full names of the services with a policy on some method: those for clients or for the internal listener. */
export function servicesWithPolicies(registry: FileRegistry): ReadonlySet<string> {
  const services = [...registry.files].flatMap((file) => file.services);
  return new Set(services.filter(({ methods }) => methods.some((method) => policyBytes(method) !== undefined)).map(({ typeName }) => typeName));
}
