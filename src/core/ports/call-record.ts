import type { MethodPlan } from '../kit/method-plan.ts';
import type { Call, Ending, Protocol } from './call.ts';

/** One call to an upstream, retries included. */
export type UpstreamRecord = {
  /** "orders.v1.OrderService/GetOrder" */
  readonly method: string;
  /** The configured address. */
  readonly target: string;
  /** 16 lower-case hex digits. */
  readonly spanId: string;
  /** Milliseconds since 1970, and the duration. */
  readonly startedAtMs: number;
  readonly durationMs: number;
  /** gRPC status code, 0 to 16. */
  readonly code: number;
};

/**
 * The facts about a call when it has ended: the source of traces, metrics and the access log. It never contains a
 * message, a token or a user's id.
 */
export type CallRecord = {
  readonly plan: MethodPlan;
  readonly protocol: Protocol;
  readonly call: Pick<Call, 'peer' | 'authority' | 'metadata' | 'deadlineAtMs'>;
  readonly traceId: string;
  readonly spanId: string;
  /** The client's span, if it sent one. */
  readonly parentSpanId: string | undefined;
  readonly sampled: boolean;
  readonly startedAtMs: number;
  readonly durationMs: number;
  readonly code: number;
  /** ErrorInfo.reason of an error of this server. */
  readonly reason: string | undefined;
  /** A unary call returned or threw; a stream may also have been closed early. */
  readonly how: Ending['how'];
  readonly annotations: ReadonlyMap<string, string | number | boolean> | undefined;
  readonly upstreams: readonly UpstreamRecord[];
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** The number of messages that a stream sent. */
  readonly messagesOut: number;
};

/** The reporter of calls: traces, metrics, the access log. Its methods do not throw. */
export type CallRecorder = {
  /** Whether the trace is recorded from the start. The trace's id decides, not the client. */
  samples(traceId: string): boolean;
  /** A stream has begun. */
  opened(record: Pick<CallRecord, 'plan' | 'protocol' | 'call' | 'traceId' | 'startedAtMs'>): void;
  ended(record: CallRecord): void;
  /** A call of an unknown method. */
  unknownMethod(): void;
};
