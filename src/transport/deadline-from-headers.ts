import type { IncomingHttpHeaders } from 'node:http2';
import { Fault } from '../core/kit/fault.ts';
import type { Protocol } from '../core/ports/call.ts';

/**
 * Takes the timeout out of the headers of one call. That of another protocol is ignored.
 * @returns when the client stops waiting: milliseconds since 1970; undefined: it sent no timeout
 * @throws Fault TIMEOUT_MALFORMED
 */
export function takeDeadline(headers: IncomingHttpHeaders, protocol: Protocol, nowMs: number): number | undefined {
  const isGrpc = protocol !== 'connect';
  const key = isGrpc ? 'grpc-timeout' : 'connect-timeout-ms';
  const timeout = headers[key];
  delete headers['grpc-timeout'];
  delete headers['connect-timeout-ms'];
  if (timeout === undefined) return undefined;
  const timeoutMs = isGrpc ? grpcTimeoutMs(String(timeout)) : connectTimeoutMs(String(timeout));
  if (timeoutMs === undefined)
    throw new Fault(
      'TIMEOUT_MALFORMED',
      `${key} "${String(timeout).slice(0, 40)}" is not a timeout: ${isGrpc ? '1 to 8 digits and one of H M S m u n are' : '1 to 10 digits are'} allowed.`,
      { metadata: { key } },
    );
  return nowMs + timeoutMs;
}

const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000_001 };

/**
 * @returns milliseconds of a `grpc-timeout` (gRPC over HTTP/2: TimeoutValue of at most 8 digits and a unit), rounded
 * up; undefined when it is invalid
 */
function grpcTimeoutMs(text: string): number | undefined {
  const match = /^(\d{1,8})([HMSmun])$/.exec(text);
  return match === null ? undefined : Math.ceil(Number(match[1]) * (unitMs[match[2] ?? ''] ?? 0));
}

/**
 * @returns milliseconds of a `connect-timeout-ms` (Connect protocol: at most 10 digits); undefined when it is invalid
 */
function connectTimeoutMs(text: string): number | undefined {
  return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}
