import { createFileRegistry, type DescMethod, type DescService, type FileRegistry, fromBinary } from '@bufbuild/protobuf';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { FileDescriptorSetSchema, MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import { Policy } from '../../gen/portico/v1/policy.ts';
import type { CallKind, MethodPlan } from '../kit/plan.ts';
import { accessOf } from './access.ts';
import { cacheOf } from './cache-policy.ts';
import { fingerprintOf } from './fingerprint.ts';
import { forwardOf } from './forward-policy.ts';
import { type Finding, PolicyErrors, placeOf, type Sources } from './policy-errors.ts';
import { durationBetween, type Say } from './say.ts';
import { isRecursive, messagesWithin } from './shape.ts';
import { streamOf } from './stream-of.ts';
import { parseTemplate, subWithoutUser } from './template.ts';

/** What a unary method may take when its policy does not say. */
export const unaryDeadlineMs = 10_000;
/** `portico.v1.policy` among the options of a method, and protovalidate's rules among those of fields, messages and oneofs. */
const policyExtension = 50001;
const rulesExtension = 1159;

export type Compiled = {
  /** By path, "/app.v1.HomeService/GetHome". */
  readonly plans: ReadonlyMap<string, MethodPlan>;
  readonly registry: FileRegistry;
  /** What is allowed but probably not meant, each with its place. */
  readonly warnings: readonly string[];
};

/**
 * Makes the plan of every method of the services that are served.
 * @param descriptorSet a google.protobuf.FileDescriptorSet with source info
 * @param served by full name of a service: whether the door answers it
 * @param upstreams names in the configuration; undefined: forward's upstream is not checked
 * @throws PolicyErrors with all contradictions at once
 */
export function compilePlans({
  descriptorSet,
  sources,
  served,
  upstreams,
}: {
  readonly descriptorSet: Uint8Array;
  readonly sources: Sources;
  readonly served: (service: string) => boolean;
  readonly upstreams?: ReadonlySet<string>;
}): Compiled {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptorSet));
  const methods = [...registry.files].flatMap((file) =>
    file.services.filter(({ typeName }) => served(typeName)).flatMap((service: DescService) => service.methods),
  );
  const findings: Finding[] = [];
  const plans = new Map<string, MethodPlan>();
  for (const method of methods) {
    const say: Say = (path, message) => findings.push({ method, path, message });
    const plan = planOf(method, { registry, upstreams, say });
    plans.set(plan.path, plan);
  }
  for (const method of methods) streamOf.checkAccess(method, plans, (path, message) => findings.push({ method, path, message }));
  if (findings.length > 0) throw new PolicyErrors(findings, sources);
  const warnings = methods
    .filter(({ input }) => isRecursive(input))
    .map((method) => {
      const { file, line } = placeOf({ method, path: [] });
      return `${sources(file)?.path ?? file}:${line}: ${nameOf(method)} takes ${method.input.typeName}, which can contain itself: deep nesting costs time to refuse.`;
    });
  return { plans, registry, warnings };
}

/** The policy of a method as it stands in its options, decoded and as bytes. */
export function policyOf(method: DescMethod): { readonly policy: Policy | undefined; readonly bytes: Uint8Array } {
  const field = method.proto.options?.$unknown?.findLast(({ no }) => no === policyExtension);
  if (field === undefined) return { policy: undefined, bytes: new Uint8Array() };
  const reader = new BinaryReader(field.data);
  return { policy: Policy.decode(reader, reader.uint32()), bytes: field.data };
}

function nameOf(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}

function planOf(
  method: DescMethod,
  context: { readonly registry: FileRegistry; readonly upstreams: ReadonlySet<string> | undefined; readonly say: Say },
): MethodPlan {
  const { say } = context;
  const { policy: said, bytes } = policyOf(method);
  const policy = said ?? Policy.fromPartial({});
  const kind =
    method.methodKind === 'bidi_streaming'
      ? 'bidi_stream'
      : method.methodKind === 'unary'
        ? 'unary'
        : (method.methodKind.replace('ing', '') as CallKind);
  const safe = method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
  const access = accessOf(policy.access, say);
  const deadlineMs =
    policy.deadline === '' ? (kind === 'unary' ? unaryDeadlineMs : undefined) : durationBetween(policy.deadline, 'deadline', 1, 3_600_000, [2], say);
  if (policy.cache !== undefined && kind !== 'unary') say([3], `cache is only for unary methods; ${method.name} is a stream.`);
  else if (policy.cache !== undefined && !safe)
    say([3], `cache needs "option idempotency_level = NO_SIDE_EFFECTS;": what changes things is never answered from memory.`);
  if (policy.invalidates.length > 0 && safe) say([4, 0], 'invalidates is only for methods that change things; this one is NO_SIDE_EFFECTS.');
  if (policy.invalidates.length > 0 && (kind === 'client_stream' || kind === 'bidi_stream'))
    say([4, 0], 'invalidates needs a single request to take its values from; this method takes a stream.');
  const claims = access.kind === 'user' ? new Set(['sub']) : new Set<string>();
  const invalidates = policy.invalidates.flatMap((source, i) => {
    const template = parseTemplate(source, method.input, claims);
    if (!('wrong' in template)) return [template];
    say([4, i], subWithoutUser(source, access.kind) ?? template.wrong);
    return [];
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
    cache: policy.cache === undefined ? undefined : cacheOf(policy.cache, method, access, say),
    invalidates,
    streamOf: policy.streamOf === '' ? undefined : streamOf.resolve(policy, method, kind, say),
    forward: policy.forward === undefined ? undefined : forwardOf(policy.forward, method, context),
    validated: hasRules(method),
    fingerprint: fingerprintOf(method, bytes),
    defaulted: [...(policy.access === undefined ? ['access'] : []), ...(policy.deadline === '' ? ['deadline'] : [])],
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
