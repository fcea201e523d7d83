import { createHmac } from 'node:crypto';
import { networkOf } from '../../kit/address-network.ts';
import type { CallRecord, CallRecorder } from '../../ports/call-record.ts';
import { isFailure, statusNames } from './failed-calls.ts';

/** Receives whole lines. */
export type WriteLine = (line: string) => void;

/** How a user is named in lines and spans: the same at all replicas, and of no use without the key. */
export const userPseudonym = (userId: string, key: string): string => createHmac('sha256', key).update(`user ${userId}`).digest('hex').slice(0, 16);

/** One JSON line for each call, and one when a stream opens. `service` names the writer, the same in every line. */
export function accessLog(write: WriteLine, service: { readonly name: string; readonly version: string }): Pick<CallRecorder, 'opened' | 'ended'> {
  const head = `{"level":"info","service.name":${JSON.stringify(service.name)},"service.version":${JSON.stringify(service.version)}`;
  return {
    opened: ({ plan, protocol, call, traceId, startedAtMs }) => {
      const fields = {
        time: new Date(startedAtMs).toISOString(),
        msg: 'stream opened',
        trace_id: traceId,
        'rpc.method': plan.method,
        protocol,
        peer: networkOf(call.peer.address),
      };
      write(`${head},${JSON.stringify(fields).slice(1)}\n`);
    },
    ended: (record) => write(`${head},${JSON.stringify(fieldsOf(record)).slice(1)}\n`),
  };
}

function fieldsOf(record: CallRecord) {
  const { plan, call, startedAtMs, durationMs, code, annotations, upstreams } = record;
  const stream = plan.kind !== 'unary';
  return {
    time: new Date(startedAtMs + durationMs).toISOString(),
    msg: stream ? 'stream closed' : 'call',
    trace_id: record.traceId,
    span_id: record.spanId,
    'rpc.method': plan.method,
    'rpc.status_code': statusNames[code],
    'error.type': isFailure(record) ? statusNames[code] : undefined,
    reason: record.reason,
    protocol: record.protocol,
    duration_ms: Math.round(durationMs * 1_000) / 1_000,
    deadline_ms: call.deadlineAtMs === undefined ? undefined : call.deadlineAtMs - startedAtMs,
    peer: networkOf(call.peer.address),
    'user.hash': annotations?.get('user.hash'),
    'app.version': word(call.metadata.get('app-version')),
    os: word(call.metadata.get('app-platform')),
    cache: annotations?.get('portico.cache.result'),
    upstreams:
      upstreams.length === 0
        ? undefined
        : upstreams.map(({ method, durationMs: ms, code: ended }) => ({ name: method, ms: Math.round(ms), code: statusNames[ended] })),
    ended: stream ? record.how : undefined,
    messages_out: stream ? record.messagesOut : undefined,
    bytes_in: record.bytesIn,
    bytes_out: record.bytesOut,
  };
}

/** Texts of a client are cut, to bound a log line. */
function word(value: string | Uint8Array | undefined): string | undefined {
  return typeof value === 'string' ? value.slice(0, 64) : undefined;
}
