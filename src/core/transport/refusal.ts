import type { ServerHttp2Stream } from 'node:http2';
import type { Registry } from '@bufbuild/protobuf';
import { encodeBinaryHeader } from '@connectrpc/connect';
import { Status } from '../../gen/google/rpc/status.ts';
import type { Fault } from '../kit/fault.ts';
import type { StatusError } from '../kit/status-error.ts';
import { percentEncode } from '../kit/text.ts';
import { connectDetailsJson } from './connect-details.ts';
import type { NodeServerRequest, NodeServerResponse } from './connect-edge.ts';

/** Makes a status of a refusal of the front itself, in the form of every other error. */
export type EncodeRefusal = (fault: Fault, acceptLanguage: string) => StatusError;

/** Connect's names of the codes, by number (Connect protocol, "Error codes"), with their HTTP status. */
const connectCodes: Readonly<Record<number, readonly [name: string, httpStatus: number]>> = {
  3: ['invalid_argument', 400],
  8: ['resource_exhausted', 429],
  12: ['unimplemented', 501],
  13: ['internal', 500],
  14: ['unavailable', 503],
};

/** Ends a gRPC stream before it reaches nice-grpc: Trailers-Only (gRPC over HTTP/2, "Responses"). */
export function refuseGrpc(stream: ServerHttp2Stream, { code, message, trailers }: StatusError): void {
  if (stream.destroyed || stream.closed) return; // reset meanwhile: there is nobody to answer
  stream.respond(
    {
      ':status': 200,
      'content-type': 'application/grpc+proto',
      'grpc-status': String(code),
      'grpc-message': percentEncode(message),
      'grpc-status-details-bin': encodeBinaryHeader(detailsOf(trailers)),
    },
    { endStream: true },
  );
  stream.resume(); // the request is read to its end, so that the client hears the answer
}

/** Ends a Connect, JSON or gRPC-Web call that none of our methods takes. */
export function refuseHttp(
  request: NodeServerRequest,
  response: NodeServerResponse,
  { code, message, trailers }: StatusError,
  registry: Registry,
): void {
  request.resume();
  const contentType = request.headers['content-type'] ?? '';
  if (contentType.startsWith('application/grpc-web')) {
    response.writeHead(200, {
      'content-type': contentType,
      'grpc-status': String(code),
      'grpc-message': percentEncode(message),
      'grpc-status-details-bin': encodeBinaryHeader(detailsOf(trailers)),
    });
    response.end();
    return;
  }
  const { status, body } = connectError({ code, message, trailers }, registry);
  if (contentType.startsWith('application/connect+')) {
    // A stream's error stands in its last message, whatever the HTTP status; from another status than 200 clients guess one, and read no details.
    response.writeHead(200, { 'content-type': contentType });
    response.write(endOfStream(body));
  } else {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.write(body);
  }
  response.end();
}

/** Connect protocol, "EndStreamResponse": flag 2. @param body of a unary answer */
export function endOfStream(body: string): Buffer {
  return envelope(2, `{"error":${body}}`);
}

/** A message of a stream, of Connect and gRPC-Web: flags, length, bytes. */
export function envelope(flags: number, text: string): Buffer {
  const bytes = Buffer.from(text);
  const head = Buffer.from([flags, 0, 0, 0, 0]);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** A status as the body of a unary answer in Connect's form, with its HTTP status (Connect protocol, "Error end-stream" and "HTTP to error code"). */
export function connectError(
  { code, message, trailers }: Pick<StatusError, 'code' | 'message' | 'trailers'>,
  registry: Registry,
): { readonly status: number; readonly body: string } {
  const [name, status] = connectCodes[code] ?? ['unknown', 500];
  const details = connectDetailsJson(Status.decode(detailsOf(trailers)).details, registry);
  return { status, body: JSON.stringify({ code: name, message, details }) };
}

export function detailsOf(trailers: StatusError['trailers']): Uint8Array {
  const bytes = trailers.get('grpc-status-details-bin');
  return bytes instanceof Uint8Array ? bytes : new Uint8Array();
}
