import type { Attributes, Meter } from '@opentelemetry/api';
import type { MethodPlan } from '../../kit/method-plan.ts';
import type { CallRecord } from '../../ports/call-record.ts';
import { isFailure, statusNames } from './failed-calls.ts';

/** Seconds (OpenTelemetry semantic conventions 1.45, `rpc.server.call.duration`). */
const boundaries = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** Rate, errors and duration of calls and of their upstream calls, and the number of open streams. */
export function callMetrics(meter: Meter): { ended(record: CallRecord): void; opened(): void; unknownMethod(): void } {
  const server = meter.createHistogram('rpc.server.call.duration', {
    unit: 's',
    description: 'Duration of calls.',
    advice: { explicitBucketBoundaries: boundaries },
  });
  const client = meter.createHistogram('rpc.client.call.duration', {
    unit: 's',
    description: 'Duration of calls to internal services, retries included.',
    advice: { explicitBucketBoundaries: boundaries },
  });
  let open = 0;
  meter
    .createObservableUpDownCounter('portico.streams.open', { unit: '{stream}', description: 'Open streams.' })
    .addCallback((observed) => observed.observe(open));
  // Attribute objects are reused, because creating and comparing them costs more than counting.
  const serverAttributes = new Map<MethodPlan, Attributes[]>();
  const attributesOf = (record: CallRecord): Attributes => {
    const { plan, code, protocol } = record;
    const failed = isFailure(record);
    const ofPlan = serverAttributes.get(plan) ?? [];
    serverAttributes.set(plan, ofPlan);
    const index = code * 4 + (protocol === 'connect' ? 2 : 0) + (failed ? 1 : 0);
    ofPlan[index] ??= {
      'rpc.system.name': protocol === 'connect' ? 'connectrpc' : 'grpc',
      'rpc.method': plan.method,
      'rpc.status_code': statusNames[code] ?? 'UNKNOWN',
      'portico.kind': plan.kind === 'unary' ? 'unary' : 'stream',
      ...(failed ? { 'error.type': statusNames[code] } : {}),
    };
    return ofPlan[index] as Attributes;
  };
  const clientAttributes = new Map<string, Attributes>();
  const ofUpstream = (method: string, target: string, code: number): Attributes => {
    const key = `${code} ${method} ${target}`;
    const known = clientAttributes.get(key);
    if (known !== undefined) return known;
    const attributes = {
      'rpc.system.name': 'grpc',
      'rpc.method': method,
      'rpc.status_code': statusNames[code] ?? 'UNKNOWN',
      'server.address': target,
      ...(code === 0 ? {} : { 'error.type': statusNames[code] }),
    };
    clientAttributes.set(key, attributes); // methods and targets are bounded by the configuration
    return attributes;
  };
  return {
    ended: (record) => {
      const { kind } = record.plan;
      if (kind === 'server_stream' || kind === 'bidi_stream') open--;
      server.record(record.durationMs / 1_000, attributesOf(record));
      for (const { method, target, code, durationMs } of record.upstreams) client.record(durationMs / 1_000, ofUpstream(method, target, code));
    },
    opened: () => {
      open++;
    },
    // The client chooses its name, so it is not an attribute (semantic conventions: `_OTHER`).
    unknownMethod: () =>
      server.record(0, { 'rpc.system.name': 'grpc', 'rpc.method': '_OTHER', 'rpc.status_code': 'UNIMPLEMENTED', 'error.type': 'UNIMPLEMENTED' }),
  };
}
