import { Fault } from '../kit/fault.ts';
import { statusCodes } from '../kit/reasons.ts';
import type { UpstreamEnd } from '../ports/upstream-transport.ts';

const { CANCELLED, UNKNOWN, DEADLINE_EXCEEDED, PERMISSION_DENIED, RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, UNAUTHENTICATED } =
  statusCodes;
const noConnection = { dns: UNAVAILABLE, refused: UNAVAILABLE, tls: UNAVAILABLE, unreachable: UNAVAILABLE, lost: UNAVAILABLE } as const;
const broken = { reset: INTERNAL, protocol: INTERNAL, too_large: RESOURCE_EXHAUSTED } as const;
const ofCause = { ...noConnection, ...broken, timeout: DEADLINE_EXCEEDED, cancelled: CANCELLED } as const;
/**
 * HTTP statuses of proxies (grpc/grpc, doc/http-grpc-status-mapping.md), and those while the service behind is
 * unavailable.
 */
const ofProxy: Readonly<Record<number, number>> = { 400: INTERNAL, 401: UNAUTHENTICATED, 403: PERMISSION_DENIED, 404: UNIMPLEMENTED };
const proxyUnavailable = [429, 502, 503, 504];

/**
 * The gRPC code of an end: the upstream's own, or the one for a failure in transport (grpc/grpc, doc/statuscodes.md).
 */
export function codeOf(end: UpstreamEnd): number {
  if (end.by === 'upstream') return end.code;
  if (end.cause !== 'http') return ofCause[end.cause];
  const status = end.httpStatus ?? 0;
  return proxyUnavailable.includes(status) ? UNAVAILABLE : (ofProxy[status] ?? UNKNOWN);
}

/**
 * The Fault of a failed call to an upstream: the reason of a missing part of a screen, or of a call that requires the
 * part. An upstream that refuses the call refuses the server's own token. The client cannot fix that, so the status
 * must not make an app renew its own token.
 */
export function faultOfUpstream(upstream: string, end: UpstreamEnd): Fault {
  const details = { metadata: { upstream }, cause: end };
  switch (codeOf(end)) {
    case UNAVAILABLE:
      return new Fault('UPSTREAM_DOWN', `The internal service ${upstream} cannot be reached.`, details);
    case DEADLINE_EXCEEDED:
      return new Fault('UPSTREAM_TIMEOUT', `The internal service ${upstream} did not answer in time.`, details);
    case UNAUTHENTICATED:
    case PERMISSION_DENIED:
      return new Fault('UPSTREAM_REFUSED', `The internal service ${upstream} refused the call.`, details);
    default:
      return new Fault('UPSTREAM_FAILED', `The internal service ${upstream} failed.`, details);
  }
}
