import type { Registry } from '@bufbuild/protobuf';
import { metadataBytes, ownHeadersBytes } from '../../core/kit/metadata-bytes.ts';
import type { StatusError } from '../../core/kit/status-error.ts';
import { detailsKey, detailsOf } from '../fit-error-into-headers.ts';
import { connectDetailsJson, detailsBytes } from './connect-details.ts';
import { httpStatusOf } from './grpc-and-http-status.ts';

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

/**
 * A status in Connect, and the HTTP status of a unary answer (Connect protocol, "Error end-stream").
 * @param registry the types for details in JSON
 * @param bytesMax of the whole status: what is left of it may be used by the details' JSON
 */
export function connectError(status: StatusError, registry: Registry, bytesMax: number): { readonly httpStatus: number; readonly error: object } {
  const [name, httpStatus] = connectCodes[status.code] ?? (connectCodes[2] as (typeof connectCodes)[number]);
  const { message } = status;
  const found = detailsOf(status);
  const error = { code: name, ...(message !== '' && { message }) };
  const left = bytesMax - bytesBesides(status) - Buffer.byteLength(JSON.stringify(error)) - detailsBytes(found);
  const details = connectDetailsJson(found, registry, left);
  return { httpStatus: httpStatusOf(status) ?? httpStatus, error: { ...error, ...(details.length > 0 && { details }) } };
}

/** The frame of an end of stream with the names of its fields: `{"error":,"metadata":{}}`. Bytes. */
const endBytes = 32;

/** The bytes of a status around its error. */
function bytesBesides({ metadata, trailers }: StatusError): number {
  const passed = [...trailers].filter(([key]) => key !== detailsKey);
  return ownHeadersBytes + endBytes + metadataBytes(metadata) + metadataBytes(passed);
}
