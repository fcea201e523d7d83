import type { DescMessage, FileRegistry } from '@bufbuild/protobuf';
import { oneReading } from '../kit/ambiguous-bytes.ts';
import type { Clock } from '../kit/clock.ts';
import { Fault } from '../kit/fault.ts';
import type { Caller, CallMetadata, Traced } from '../ports/call.ts';
import type { Log } from '../ports/log.ts';
import type { UpstreamCall, UpstreamEnd, UpstreamTarget, UpstreamTransport } from '../ports/upstream-transport.ts';
import type { Limit } from './forwarded-errors.ts';
import { codeOf } from './http-and-transport-failures.ts';
import { openFailureLog } from './log-upstream-failures.ts';
import { tagsFromUpstream } from './metadata-from-upstreams.ts';
import { toUpstream } from './metadata-to-upstreams.ts';
import type { UnaryResult } from './send-unary.ts';
import { retryBudget, sendWithRetries } from './send-with-retries.ts';

/** One upstream as configured. */
export type UpstreamConfig = UpstreamTarget & {
  /** The time limit of one call, whatever deadline the client's call has. */
  readonly deadlineMs: number;
  /** All attempts, the first included: 1 to 5 (gRFC A6). */
  readonly attemptsMax: number;
  /** `aud` of the internal token. */
  readonly audience: string;
};

/**
 * The signed token by which an upstream authorises: audience the upstream, subject the caller. Synchronous if it is
 * cached.
 */
export type InternalToken = (audience: string, caller: Caller | undefined) => string | Promise<string>;

/** The parts of a call that its upstream calls need. */
export type CallContext = Traced & {
  readonly metadata: CallMetadata;
  readonly caller: Caller | undefined;
  readonly signal: AbortSignal;
  readonly deadlineAtMs: number | undefined;
};

/** One call to an upstream, ready to be sent. */
export type Prepared = {
  readonly transport: UpstreamTransport;
  readonly call: UpstreamCall;
  readonly limit: Limit;
  /** Receives the end of the call once: ends the client span, and logs a failure. */
  end(end: UpstreamEnd): void;
};

/** Where a call goes. */
export type UpstreamMethod = {
  readonly upstream: string;
  /** "/orders.v1.OrderService/GetOrder" */
  readonly path: string;
  /** Metadata of the client that it receives besides the standard keys. */
  readonly keys: readonly string[];
};

export type Upstreams = {
  readonly names: ReadonlySet<string>;
  prepare(to: UpstreamMethod, context: CallContext, kind: 'unary' | 'stream'): Promise<Prepared>;
  /** One request, one answer, as bytes. Rejects only with the reason of the call's own signal. */
  unary(
    to: UpstreamMethod,
    request: Uint8Array,
    context: CallContext,
  ): Promise<UnaryResult & { readonly limit: Limit /** From `portico-tags`. */; readonly tags: readonly string[] }>;
  /** The refusal of an answer that its type cannot decode, which is a failure of the upstream. It is logged. */
  garbage(upstream: string, path: string, context: CallContext, cause: unknown): Fault;
  /**
   * An answer of a method as bytes that every codec reads in the same way.
   * @throws Error when there are none, or the method is in no .proto of this release
   */
  unambiguous(path: string, body: Uint8Array): Uint8Array;
  close(): void;
};

export type UpstreamsParts = {
  readonly openTransport: (target: UpstreamTarget) => UpstreamTransport;
  readonly clock: Clock;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly log: Log;
  readonly internalToken: InternalToken;
  /** Idempotent methods, which may be retried, as "package.Service/Method". */
  readonly retryable: Iterable<string>;
  readonly registry: FileRegistry;
};

const madeOfGarbage = { by: 'transport', cause: 'protocol', processed: 'maybe', peer: undefined } as const;

/** Opens the upstreams of the configuration; connections are made with the first call of each. */
export function openUpstreams(
  config: Readonly<Record<string, UpstreamConfig>>,
  { openTransport, clock, random, log, internalToken, retryable, registry }: UpstreamsParts,
): Upstreams {
  const repeatable = new Set([...retryable].map((method) => `/${method}`));
  const sayFailed = openFailureLog(log, clock);
  const open = new Map(
    Object.entries(config).map(([name, upstream]) => [name, { ...upstream, transport: openTransport(upstream), budget: retryBudget() }]),
  );
  const upstreamOf = (name: string) => {
    const upstream = open.get(name);
    if (upstream === undefined) throw new Error(`There is no upstream "${name}" in the configuration.`);
    return upstream;
  };
  const prepare: Upstreams['prepare'] = async ({ upstream: name, path, keys }, context, kind) => {
    const { transport, audience, address, deadlineMs } = upstreamOf(name);
    const signed = internalToken(audience, context.caller);
    const token = typeof signed === 'string' ? signed : await signed;
    const method = path.slice(1);
    const span = context.trace.upstream(method, address);
    const longest = kind === 'unary' ? clock.nowMs() + deadlineMs : Number.POSITIVE_INFINITY;
    const theirs = context.deadlineAtMs ?? Number.POSITIVE_INFINITY;
    const deadline = Math.min(theirs, longest);
    const deadlineAtMs = Number.isFinite(deadline) ? deadline : undefined;
    return {
      transport,
      call: { path, metadata: toUpstream(context.metadata, keys, span.metadata, token), deadlineAtMs },
      limit: longest < theirs ? 'upstream' : 'call',
      end: (end) => {
        span.end(codeOf(end));
        if (end.by === 'upstream' && end.code === 0) return;
        const late = end.by === 'transport' && end.cause === 'cancelled' && deadlineAtMs !== undefined && clock.nowMs() >= deadlineAtMs - 1;
        // timers of one deadline fire in any order: a cancellation by the call's own timer is also a timeout
        sayFailed({ upstream: name, address, method, traceId: context.trace.traceId, end: late ? { ...end, cause: 'timeout' } : end });
      },
    };
  };
  return {
    names: new Set(open.keys()),
    prepare,
    unary: async (to, request, context) => {
      const { attemptsMax, budget } = upstreamOf(to.upstream);
      const { transport, call, limit, end } = await prepare(to, context, 'unary');
      const result = await sendWithRetries(
        transport,
        { call, request, signal: context.signal, attemptsMax: repeatable.has(to.path) ? attemptsMax : 1 },
        { clock, random, budget },
      );
      end(result.end);
      if (result.body === undefined && context.signal.aborted) throw context.signal.reason;
      return { ...result, limit, tags: tagsFromUpstream(result.headers, result.end.by === 'upstream' ? result.end.trailers : undefined) };
    },
    garbage: (name, path, context, cause) => {
      const detail = `The answer cannot be decoded: ${cause instanceof Error ? cause.message : cause}`;
      const end = { ...madeOfGarbage, detail };
      sayFailed({ upstream: name, address: upstreamOf(name).address, method: path.slice(1), traceId: context.trace.traceId, end });
      return new Fault('UPSTREAM_GARBAGE', `The internal service ${name} answered what cannot be decoded.`, { metadata: { upstream: name }, cause });
    },
    unambiguous: (path, body) => oneReading(outputOf(registry, path))(body),
    close: () => {
      for (const { transport } of open.values()) transport.close();
    },
  };
}

/**
 * The type of a method's answers.
 * @param path "/orders.v1.OrderService/GetOrder"
 * @throws Error when the method is in no .proto of this release
 */
export function outputOf(registry: FileRegistry, path: string): DescMessage {
  const [, service = '', name = ''] = path.split('/');
  const output = registry.getService(service)?.methods.find((method) => method.name === name)?.output;
  if (output === undefined) throw new Error(`${service}/${name} is in no .proto of this release: run \`npm run generate\`.`);
  return output;
}

/** What `askUpstream` needs of them. */
export type AskableUpstreams = Pick<Upstreams, 'unary' | 'garbage' | 'unambiguous'>;

/**
 * One request whose answer the server itself reads. Rejects only with the reason of the context's own signal.
 * @param decode throws for what no answer can be
 * @returns undefined: no answer, or one that cannot be decoded. Both are logged with the failures of all upstreams.
 */
export async function askUpstream<T>(
  upstreams: AskableUpstreams,
  { upstream, path }: Pick<UpstreamMethod, 'upstream' | 'path'>,
  { request, decode }: { readonly request: Uint8Array; readonly decode: (body: Uint8Array) => T },
  context: CallContext,
): Promise<T | undefined> {
  const { body } = await upstreams.unary({ upstream, path, keys: [] }, request, context);
  if (body === undefined) return undefined;
  try {
    return decode(upstreams.unambiguous(path, body));
  } catch (cause) {
    upstreams.garbage(upstream, path, context, cause); // logged there
    return undefined;
  }
}
