// Calls as the interceptors hand them to the cache, made without a server.
import { create, type DescMessage, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { Metadata } from 'nice-grpc-common';

import { compileRules, validate } from '../../../src/core/interceptors/validate-request.ts';
import type { MethodPlan } from '../../../src/core/kit/method-plan.ts';
import { RequestMessage } from '../../../src/core/kit/request-message.ts';
import { compilePlans } from '../../../src/core/policy/compile-plans.ts';
import type { Answer, Caller, CallRequest, Protocol, ReadyCall } from '../../../src/core/ports/call.ts';
import { typesOf } from '../../../src/release/release.ts';
import { fixtureRelease } from '../server/test-server.ts';

const { plans } = compilePlans({
  ...fixtureRelease,
  registry: typesOf(fixtureRelease.descriptorSet),
  served: (service) => service.startsWith('fixture.'),
});
const validator = compileRules(plans.values());

/**
 * The plan of a method of the fixture, "GetItem" of ScreenService, its cache policy partly replaced. Its deadline is a
 * second: the fixture's is longer for calls to real servers on busy machines.
 */
export function planOf(method: string, cache: Partial<MethodPlan['cache']> = {}): MethodPlan & { readonly cache: NonNullable<MethodPlan['cache']> } {
  const plan = plans.get(`/fixture.v1.ScreenService/${method}`);
  if (plan?.cache === undefined) throw new Error(`${method} is no cached method of the fixture.`);
  return { ...plan, deadlineMs: 1_000, cache: { ...plan.cache, ...cache } };
}

export type CallOptions = {
  readonly request?: Readonly<Record<string, unknown>> | Uint8Array;
  /** Unset: nobody. */
  readonly user?: string;
  readonly issuer?: string;
  readonly claims?: Readonly<Record<string, string>>;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly deadlineAtMs?: number;
  readonly protocol?: Protocol;
};

/** A call of a cached method, decoded as the validate interceptor decodes it. */
export function readyCall(plan: MethodPlan, options: CallOptions = {}): ReadyCall {
  const { request = {}, user, issuer = 'portico', claims = {}, metadata = {}, signal = new AbortController().signal } = options;
  const caller: Caller | undefined =
    user === undefined
      ? undefined
      : {
          kind: 'user',
          userId: user,
          issuer,
          sessionId: undefined,
          scopes: new Set(['items.read']),
          claims: new Map([['sub', user], ...Object.entries(claims)]),
        };
  const input = plan.descriptor.input;
  const call = {
    plan,
    protocol: options.protocol ?? ('grpc' as const),
    metadata: Metadata(metadata),
    peer: { address: '192.0.2.1', port: 40_000, certificateNames: [] },
    authority: 'localhost',
    signal,
    deadlineAtMs: options.deadlineAtMs,
    request: requestOf(input, request instanceof Uint8Array ? request : toBinary(input, create(input, request as MessageInitShape<DescMessage>))),
    sent: { bytes: 0, messages: 0 },
    onEnd: () => {},
    caller,
    lifetime: undefined,
    trace: { traceId: '0'.repeat(32), spanId: '', sampled: false, annotate: () => {}, upstream: () => ({ metadata: [], end: () => {} }) },
  };
  let ready: ReadyCall | undefined;
  void validate(validator)(call, (decoded) => {
    ready = { ...call, ...decoded };
    return { metadata: Metadata(), body: new Uint8Array(), trailers: Metadata() };
  });
  if (ready === undefined) throw new Error('The request was refused.');
  return ready;
}

function requestOf(input: DescMessage, bytes: Uint8Array): CallRequest {
  return {
    one: () => new RequestMessage(input, bytes),
    async *each() {
      yield bytes;
    },
    bytesRead: bytes.byteLength,
  };
}

/** The fields of an answer's message. */
export function messageOf(plan: MethodPlan, answer: Answer): Record<string, unknown> {
  return fromBinary(plan.descriptor.output, answer.body as Uint8Array) as unknown as Record<string, unknown>;
}
