import { type CallOptions, type Client, type Metadata as GrpcMetadata, status as grpcStatus } from '@grpc/grpc-js';
import type { Clock } from '../kit/clock.ts';
import { Fault } from '../kit/fault.ts';
import { StatusError } from '../kit/status-error.ts';
import type { Caller, CallMetadata, Traced } from '../ports/call.ts';
import { openChannel, type Retryable, type UpstreamConfig } from './channel.ts';
import { tagsFromUpstream, toUpstream } from './metadata.ts';
import { registerPollingResolver } from './polling-resolver.ts';
import { sendUnary } from './unary.ts';

/** The signed token by which an upstream authorises: audience the upstream, subject the caller. At once where one is remembered. */
export type InternalToken = (audience: string, caller: Caller | undefined) => string | Promise<string>;

/** What an upstream call needs of the call it is made for. */
export type CallContext = Traced & {
  readonly metadata: CallMetadata;
  readonly caller: Caller | undefined;
  readonly signal: AbortSignal;
  readonly deadlineAtMs: number | undefined;
};

/** One call to an upstream, ready to be sent. */
export type Prepared = {
  readonly client: Client;
  readonly metadata: GrpcMetadata;
  readonly options: CallOptions;
  /** Whose deadline the call has: that of the call it is made for, or the upstream's own, where that is sooner. */
  readonly limit: 'call' | 'upstream';
  /** Ends the client span. @param code 0 to 16 */
  end(code: number): void;
};

export type Upstreams = {
  readonly names: ReadonlySet<string>;
  /** @param keys metadata of the client that is handed on */
  prepare(upstream: string, method: string, keys: readonly string[], context: CallContext, kind: 'unary' | 'stream'): Promise<Prepared>;
  /** One request, one answer, as bytes. @throws StatusError as the upstream ended it; the client's own cancel as the signal's reason */
  unary(
    upstream: string,
    path: string,
    request: Uint8Array,
    keys: readonly string[],
    context: CallContext,
  ): Promise<{ readonly body: Uint8Array /** From `portico-tags`. */; readonly tags: readonly string[] }>;
  close(): void;
};

/**
 * Opens the upstreams of the configuration; connections are made with the first call of each.
 * @param retryable by upstream: which methods are idempotent, as "package.Service/Method"
 */
export function openUpstreams(
  config: Readonly<Record<string, UpstreamConfig>>,
  { clock, internalToken, retryable }: { readonly clock: Clock; readonly internalToken: InternalToken; readonly retryable: Retryable },
): Upstreams {
  registerPollingResolver(clock);
  const open = new Map(Object.entries(config).map(([name, upstream]) => [name, { ...upstream, client: openChannel(upstream, retryable) }]));
  const prepare: Upstreams['prepare'] = async (name, method, keys, context, kind) => {
    const upstream = open.get(name);
    if (upstream === undefined) throw new Error(`There is no upstream "${name}" in the configuration.`);
    const { client, audience, address, deadlineMs } = upstream;
    const signed = internalToken(audience, context.caller);
    const token = typeof signed === 'string' ? signed : await signed;
    const span = context.trace.upstream(method, address);
    const longest = kind === 'unary' ? clock.nowMs() + deadlineMs : undefined;
    const deadline = Math.min(context.deadlineAtMs ?? Number.POSITIVE_INFINITY, longest ?? Number.POSITIVE_INFINITY);
    return {
      client,
      metadata: toUpstream(context.metadata, keys, span.traceparent, token),
      options: Number.isFinite(deadline) ? { deadline } : {},
      limit: longest !== undefined && longest < (context.deadlineAtMs ?? Number.POSITIVE_INFINITY) ? 'upstream' : 'call',
      end: (code) => span.end(code),
    };
  };
  return {
    names: new Set(open.keys()),
    prepare,
    unary: async (name, path, request, keys, context) => {
      const prepared = await prepare(name, path.slice(1), keys, context, 'unary');
      const { body, headers, trailers } = await sendUnary(prepared, path, request, context.signal);
      return { body, tags: tagsFromUpstream(headers, trailers) };
    },
    close: () => {
      for (const { client } of open.values()) client.close();
    },
  };
}

/** What a failed upstream call means to a screen: which reason a missing part gets, and a required one ends the call with. */
export function faultOfUpstream(upstream: string, error: unknown): Fault {
  if (error instanceof Fault) return error as Fault;
  const metadata = { upstream };
  if (!(error instanceof StatusError))
    return new Fault('UPSTREAM_FAILED', `The internal service ${upstream} could not be used.`, { metadata, cause: error });
  switch (error.code) {
    case grpcStatus.UNAVAILABLE:
      return new Fault('UPSTREAM_DOWN', `The internal service ${upstream} cannot be reached.`, { metadata, cause: error });
    case grpcStatus.DEADLINE_EXCEEDED:
      return new Fault('UPSTREAM_TIMEOUT', `The internal service ${upstream} did not answer in time.`, { metadata, cause: error });
    case grpcStatus.UNAUTHENTICATED:
    case grpcStatus.PERMISSION_DENIED:
      return new Fault('UPSTREAM_REFUSED', `The internal service ${upstream} refused the call.`, { metadata, cause: error });
    default:
      return new Fault('UPSTREAM_FAILED', `The internal service ${upstream} failed.`, { metadata, cause: error });
  }
}
