import type { MethodPlan } from '../kit/plan.ts';
import type { Call, Ending, Protocol } from './call.ts';

/** One call to an upstream, retries included. */
export type UpstreamRecord = {
  /** "orders.v1.OrderService/GetOrder" */
  readonly method: string;
  /** The configured address. */
  readonly target: string;
  /** 16 lower-case hex digits. */
  readonly spanId: string;
  /** Milliseconds since 1970, and how long it took. */
  readonly startedAtMs: number;
  readonly durationMs: number;
  /** gRPC status code, 0 to 16. */
  readonly code: number;
};

/** What is known of a call when it has ended; everything that is told of calls is made from it. Never holds a message, a token or a user's id. */
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
  /** ErrorInfo.reason of a refusal of ours. */
  readonly reason: string | undefined;
  /** A unary call returned or threw; a stream may also have been closed early. */
  readonly how: Ending['how'];
  readonly annotations: ReadonlyMap<string, string | number | boolean> | undefined;
  readonly upstreams: readonly UpstreamRecord[];
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Of a stream: messages sent. */
  readonly messagesOut: number;
};

/** Who tells of calls: traces, metrics, the access log. None of its methods throws. */
export type CallRecorder = {
  /** Whether the trace is recorded from the start: decided by the trace's id, not by what the client wishes. */
  samples(traceId: string): boolean;
  /** A stream has begun. */
  opened(record: Pick<CallRecord, 'plan' | 'protocol' | 'call' | 'traceId' | 'startedAtMs'>): void;
  ended(record: CallRecord): void;
  /** A call of a method that there is not. */
  unknownMethod(): void;
};
