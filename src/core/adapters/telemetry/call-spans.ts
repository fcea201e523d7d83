import { type Attributes, context, type HrTime, SpanKind, SpanStatusCode, TraceFlags, type Tracer, trace } from '@opentelemetry/api';
import type { IdGenerator } from '@opentelemetry/sdk-trace';
import type { CallRecord, UpstreamRecord } from '../../ports/call-record.ts';
import { isFailure, statusNames } from './failed-calls.ts';

/**
 * Gives spans the ids that their calls already had. Spans are created when the call has ended, so that an unrecorded
 * call costs nothing.
 */
export function givenIds(): IdGenerator & { next: { traceId: string; spanId: string } } {
  const generator = {
    next: { traceId: '', spanId: '' },
    generateTraceId: () => generator.next.traceId,
    generateSpanId: () => generator.next.spanId,
  };
  return generator;
}

/** Creates the spans of a call: one server span, and one for each upstream call. */
export function spansOf(tracer: Tracer, ids: ReturnType<typeof givenIds>): (record: CallRecord) => void {
  return (record) => {
    const { plan, protocol, call, traceId, spanId, parentSpanId, startedAtMs, durationMs, code, annotations, upstreams, reason, how } = record;
    const attributes: Attributes = {
      'rpc.system.name': protocol === 'connect' ? 'connectrpc' : 'grpc',
      'rpc.method': plan.method,
      'rpc.status_code': statusNames[code],
      'network.peer.address': call.peer.address,
      'network.peer.port': call.peer.port,
      'portico.ended': how,
      ...addressOf(call.authority),
      ...(isFailure(record) ? { 'error.type': statusNames[code] } : {}),
      ...(reason === undefined ? {} : { 'portico.reason': reason }),
      ...Object.fromEntries(annotations ?? []),
    };
    ids.next = { traceId, spanId };
    const around = parentSpanId === undefined ? context.active() : withSpan(traceId, parentSpanId, true);
    const span = tracer.startSpan(
      plan.method,
      { kind: SpanKind.SERVER, attributes, startTime: time(startedAtMs), root: parentSpanId === undefined },
      around,
    );
    if (isFailure(record)) span.setStatus({ code: SpanStatusCode.ERROR });
    for (const upstream of upstreams) upstreamSpan(tracer, ids, record, upstream);
    span.end(time(startedAtMs + durationMs));
  };
}

function upstreamSpan(tracer: Tracer, ids: ReturnType<typeof givenIds>, { traceId, spanId }: CallRecord, upstream: UpstreamRecord): void {
  const { method, target, code, startedAtMs, durationMs } = upstream;
  const attributes: Attributes = {
    'rpc.system.name': 'grpc',
    'rpc.method': method,
    'rpc.status_code': statusNames[code],
    ...addressOf(target),
    ...(code === 0 ? {} : { 'error.type': statusNames[code] }),
  };
  ids.next = { traceId, spanId: upstream.spanId };
  const span = tracer.startSpan(method, { kind: SpanKind.CLIENT, attributes, startTime: time(startedAtMs) }, withSpan(traceId, spanId, false));
  if (code !== 0) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end(time(startedAtMs + durationMs));
}

function withSpan(traceId: string, spanId: string, isRemote: boolean) {
  return trace.setSpanContext(context.active(), { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote });
}

function addressOf(authority: string): Attributes {
  const [, address = authority, port] = /^(.*):(\d+)$/.exec(authority) ?? [];
  return { 'server.address': address, ...(port === undefined ? {} : { 'server.port': Number(port) }) };
}

/** Milliseconds since 1970 as OpenTelemetry wants them. */
export function time(ms: number): HrTime {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.round((ms - seconds * 1_000) * 1_000_000)];
}
