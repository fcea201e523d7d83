import type { OutgoingHttpHeaders } from 'node:http';
import type { Registry } from '@bufbuild/protobuf';
import { type CoreReason, Fault } from '../kit/fault.ts';
import type { StatusError } from '../kit/status-error.ts';
import { percentEncode } from '../kit/text.ts';
import { toHeaders } from './answer-headers.ts';
import { connectDetailsJson } from './connect-details.ts';
import { detailsOf, statusBytes } from './fit-status.ts';

/** The forms of an error in every protocol. If HTTP itself has a status for it, that is used. */
const httpStatusOfReason: Partial<Record<CoreReason, number>> = {
  METHOD_UNKNOWN: 404,
  VERB_WRONG: 405,
  CONTENT_TYPE_UNKNOWN: 415,
  HTTP_VERSION_WRONG: 505,
};

/** Connect's names of the codes, by number, with their HTTP status (Connect protocol, "Error codes"). */
const connectCodes: readonly (readonly [name: string, httpStatus: number])[] = [
  ['ok', 200],
  ['canceled', 499],
  ['unknown', 500],
  ['invalid_argument', 400],
  ['deadline_exceeded', 504],
  ['not_found', 404],
  ['already_exists', 409],
  ['permission_denied', 403],
  ['resource_exhausted', 429],
  ['failed_precondition', 400],
  ['aborted', 409],
  ['out_of_range', 400],
  ['unimplemented', 501],
  ['internal', 500],
  ['unavailable', 503],
  ['data_loss', 500],
  ['unauthenticated', 401],
];

/** The HTTP status of an error by HTTP's own rules, if there is one. */
export function httpStatusOf({ cause }: StatusError): number | undefined {
  return cause instanceof Fault ? httpStatusOfReason[cause.reason as CoreReason] : undefined;
}

/** A status in gRPC and gRPC-Web: gRPC over HTTP/2, "Responses". */
export function statusHeaders({ code, message, trailers }: StatusError): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = { 'grpc-status': String(code) };
  if (message !== '') headers['grpc-message'] = percentEncode(message);
  return toHeaders(trailers, headers);
}

/**
 * A status in Connect, and the HTTP status of a unary answer (Connect protocol, "Error end-stream").
 * @param registry the types for details in JSON
 * @param bytesMax of the whole status: what is left of it may be used by the details' JSON
 */
export function connectError(status: StatusError, registry: Registry, bytesMax: number): { readonly httpStatus: number; readonly error: object } {
  const [name, httpStatus] = connectCodes[status.code] ?? (connectCodes[2] as (typeof connectCodes)[number]);
  const details = connectDetailsJson(detailsOf(status), registry, bytesMax - statusBytes(status));
  const { message } = status;
  return {
    httpStatus: httpStatusOf(status) ?? httpStatus,
    error: { code: name, ...(message !== '' && { message }), ...(details.length > 0 && { details }) },
  };
}
