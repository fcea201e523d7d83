import { Fault, statusCodes } from '../kit/fault.ts';
import type { UpstreamEnd } from '../ports/upstream-transport.ts';

/**
 * HTTP statuses of proxies while the service behind them is unavailable (grpc/grpc, doc/http-grpc-status-mapping.md).
 */
const unavailableHttp = new Set([429, 502, 503, 504]);

/**
 * The gRPC code of an end: the upstream's own, or the one for a failure in transport (grpc/grpc, doc/statuscodes.md).
 */
export function codeOf(end: UpstreamEnd): number {
  if (end.by === 'upstream') return end.code;
  switch (end.cause) {
    case 'dns':
    case 'refused':
    case 'tls':
    case 'unreachable':
    case 'lost':
      return statusCodes.UNAVAILABLE;
    case 'timeout':
      return statusCodes.DEADLINE_EXCEEDED;
    case 'cancelled':
      return statusCodes.CANCELLED;
    case 'http':
      return codeOfHttp(end.httpStatus ?? 0);
    case 'too_large':
      return statusCodes.RESOURCE_EXHAUSTED;
    default:
      return statusCodes.INTERNAL;
  }
}

function codeOfHttp(status: number): number {
  if (unavailableHttp.has(status)) return statusCodes.UNAVAILABLE;
  if (status === 401) return statusCodes.UNAUTHENTICATED;
  if (status === 403) return statusCodes.PERMISSION_DENIED;
  if (status === 404) return statusCodes.UNIMPLEMENTED;
  return status === 400 ? statusCodes.INTERNAL : statusCodes.UNKNOWN;
}

/**
 * The Fault of a failed call to an upstream: the reason of a missing part of a screen, or of a call that requires the
 * part. An upstream that refuses the call refuses the server's own token. The client cannot fix that, so the status
 * must not make an app renew its own token.
 */
export function faultOfUpstream(upstream: string, end: UpstreamEnd): Fault {
  const details = { metadata: { upstream }, cause: end };
  switch (codeOf(end)) {
    case statusCodes.UNAVAILABLE:
      return new Fault('UPSTREAM_DOWN', `The internal service ${upstream} cannot be reached.`, details);
    case statusCodes.DEADLINE_EXCEEDED:
      return new Fault('UPSTREAM_TIMEOUT', `The internal service ${upstream} did not answer in time.`, details);
    case statusCodes.UNAUTHENTICATED:
    case statusCodes.PERMISSION_DENIED:
      return new Fault('UPSTREAM_REFUSED', `The internal service ${upstream} refused the call.`, details);
    default:
      return new Fault('UPSTREAM_FAILED', `The internal service ${upstream} failed.`, details);
  }
}
