import type { OutgoingHttpHeaders } from 'node:http';
import { percentEncode } from '../../core/kit/clip-text.ts';
import { Fault } from '../../core/kit/fault.ts';
import type { CoreReason } from '../../core/kit/reasons.ts';
import type { StatusError } from '../../core/kit/status-error.ts';
import { toHeaders } from './metadata-to-headers.ts';

/** The forms of an error in every protocol. If HTTP itself has a status for it, that is used. */
const httpStatusOfReason: ReadonlyMap<string, number> = new Map<CoreReason, number>([
  ['METHOD_UNKNOWN', 404],
  ['VERB_WRONG', 405],
  ['CONTENT_TYPE_UNKNOWN', 415],
  ['HTTP_VERSION_WRONG', 505],
]);

/** The HTTP status of an error by HTTP's own rules, if there is one. */
export function httpStatusOf({ cause }: StatusError): number | undefined {
  return cause instanceof Fault ? httpStatusOfReason.get(cause.reason) : undefined;
}

/** A status in gRPC and gRPC-Web: gRPC over HTTP/2, "Responses". */
export function statusHeaders({ code, message, trailers }: StatusError): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = { 'grpc-status': String(code) };
  if (message !== '') headers['grpc-message'] = percentEncode(message);
  return toHeaders(trailers, headers);
}
