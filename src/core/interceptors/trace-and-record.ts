import type { Clock } from '../kit/clock.ts';
import { Fault } from '../kit/fault.ts';
import { statusCodes } from '../kit/reasons.ts';
import { settled } from '../kit/soon.ts';
import { StatusError } from '../kit/status-error.ts';
import type { Answer, Ending, Interceptor, Traced } from '../ports/call.ts';
import type { CallRecord, CallRecorder, UpstreamRecord } from '../ports/call-record.ts';
import { traceParentOf, tracestateOf } from './trace-context.ts';

export type TraceParts = {
  readonly recorder: CallRecorder;
  readonly clock: Clock;
  /** Random lower-case hex digits, not all zero. */
  readonly randomHex: (digits: number) => string;
};

/** The metadata key of the trace id in every answer and error, for bug reports. */
export const traceIdKey = 'portico-trace-id';
/** The largest number of recorded upstream calls of one call. */
const upstreamsMax = 100;

/**
 * The outermost interceptor. It continues the client's trace (sampling is decided anew), adds the trace to the call,
 * and reports the end of every call to the recorder once: of a unary call with its answer, of a stream after its last
 * message, however it ends.
 */
export function trace({ recorder, clock, randomHex }: TraceParts): Interceptor<unknown, Traced> {
  return function trace(call, next) {
    const parent = traceParentOf(call.metadata.get('traceparent'));
    const tracestate = parent && tracestateOf(call.metadata.get('tracestate'));
    const state = tracestate === undefined ? [] : [['tracestate', tracestate] as const];
    const traceId = parent?.traceId ?? randomHex(32);
    const spanId = randomHex(16);
    const sampled = recorder.samples(traceId);
    const flags = `0${(sampled ? 1 : 0) + (parent?.isRandom === false ? 0 : 2)}`; // our own trace ids are random
    const startedAtMs = clock.nowMs();
    const startedMs = clock.monotonicMs();
    const upstreams: UpstreamRecord[] = [];
    let annotations: Map<string, string | number | boolean> | undefined;

    const tell = (how: Ending['how'], error: unknown, bytesOut = call.sent.bytes) => {
      recorder.ended({
        plan: call.plan,
        protocol: call.protocol,
        call,
        traceId,
        spanId,
        parentSpanId: parent?.spanId,
        sampled,
        startedAtMs,
        durationMs: clock.monotonicMs() - startedMs,
        code: codeOf(how, error),
        reason: reasonOf(error),
        how,
        annotations,
        upstreams,
        bytesIn: call.request.bytesRead,
        bytesOut,
        messagesOut: call.sent.messages,
      } satisfies CallRecord);
    };
    const traced: Traced['trace'] = {
      traceId,
      spanId,
      sampled,
      annotate: (key, value) => {
        annotations ??= new Map();
        annotations.set(key, value);
      },
      upstream: (method, target) => {
        const upstreamSpanId = randomHex(16);
        const beganAtMs = clock.nowMs();
        const beganMs = clock.monotonicMs();
        return {
          metadata: [['traceparent', `00-${traceId}-${upstreamSpanId}-${flags}`], ...state],
          end: (code) => {
            if (upstreams.length >= upstreamsMax) return;
            upstreams.push({ method, target, spanId: upstreamSpanId, startedAtMs: beganAtMs, durationMs: clock.monotonicMs() - beganMs, code });
          },
        };
      },
    };

    if (call.plan.kind === 'server_stream' || call.plan.kind === 'bidi_stream') {
      recorder.opened({ plan: call.plan, protocol: call.protocol, call, traceId, startedAtMs });
      call.onEnd((ending) => tell(ending.how, ending.how === 'threw' ? ending.error : undefined));
    }
    const failed = (error: unknown) => {
      if (error instanceof StatusError) error.metadata.set(traceIdKey, traceId);
      if (call.plan.kind === 'unary' || call.plan.kind === 'client_stream') tell('threw', error);
    };
    const answered = (answer: Answer): Answer => {
      if (answer.refused !== undefined) {
        failed(answer.refused);
        return answer;
      }
      answer.metadata.set(traceIdKey, traceId);
      if (answer.body instanceof Uint8Array) tell('returned', undefined, answer.body.byteLength);
      return answer;
    };
    return settled(
      () => next({ ...call, trace: traced }),
      answered,
      (error) => {
        failed(error);
        throw error;
      },
    );
  };
}

function codeOf(how: Ending['how'], error: unknown): number {
  if (error instanceof StatusError) return error.code;
  if (how === 'closed') return statusCodes.CANCELLED;
  return how === 'returned' ? statusCodes.OK : statusCodes.UNKNOWN;
}

function reasonOf(error: unknown): string | undefined {
  const cause = error instanceof StatusError ? error.cause : error;
  return cause instanceof Fault ? cause.reason : undefined;
}
