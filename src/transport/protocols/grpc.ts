import type { OutgoingHttpHeaders } from 'node:http';
import type { MethodPlan } from '../../core/kit/method-plan.ts';
import type { StatusError } from '../../core/kit/status-error.ts';
import type { Answer, CallMetadata } from '../../core/ports/call.ts';
import type { Exchange } from '../exchange.ts';
import { protoCodec } from './codec.ts';
import { encodedFrame, gzipFor } from './compress-answer.ts';
import { acceptedEncodings } from './decompress-request.ts';
import { framedRequest } from './framed-request.ts';
import { httpStatusOf, statusHeaders } from './grpc-and-http-status.ts';
import { compressedFlag, frame } from './length-prefixed-messages.ts';
import { toHeaders } from './metadata-to-headers.ts';
import type { Protocol, Reply } from './protocol.ts';

const form = { codec: protoCodec, encodingHeader: 'grpc-encoding' } as const;

/** gRPC over HTTP/2 (grpc/grpc, doc/PROTOCOL-HTTP2.md). */
export const grpc: Protocol = {
  name: 'grpc',
  carries: () => true,
  reply: (exchange) => new GrpcReply(exchange),
  request: (exchange, plan) => framedRequest(exchange, plan, form),
};

const contentType = 'application/grpc+proto';

/** A class, because every call makes one. */
class GrpcReply implements Reply {
  readonly #exchange: Exchange;
  #trailers: OutgoingHttpHeaders = { 'grpc-status': '0' };
  #opened = false;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /** Compresses only answers of the cache, which keeps the compressed form: for others it costs more than the call. */
  one(plan: MethodPlan, { metadata, trailers, forms }: Answer, body: Uint8Array): void {
    const gzip = forms === undefined ? 'never' : gzipFor(this.#exchange.headers['grpc-accept-encoding']);
    const message = encodedFrame(protoCodec, plan, body, { gzip, forms });
    this.open(metadata, message[0] === compressedFlag);
    toHeaders(trailers, this.#trailers);
    this.#exchange.end(message);
  }

  open(metadata: CallMetadata, compressed = false): void {
    const headers: OutgoingHttpHeaders = { 'content-type': contentType };
    if (compressed) headers['grpc-encoding'] = 'gzip';
    this.#exchange.respond(200, toHeaders(metadata, headers), { trailers: () => this.#trailers });
    this.#opened = true; // unless that threw
  }

  message(_plan: MethodPlan, bytes: Uint8Array): boolean {
    return this.#exchange.write(frame(0, bytes));
  }

  close(trailers: CallMetadata): void {
    toHeaders(trailers, this.#trailers);
    this.#exchange.output.end();
  }

  fail(status: StatusError): void {
    const exchange = this.#exchange;
    const httpStatus = httpStatusOf(status);
    if (!this.#opened && (httpStatus !== undefined || hasTraceOnly(status.metadata))) {
      // Trailers-Only. The HTTP status is set if no gRPC server would have answered. An unknown method is an error of
      // gRPC itself.
      const headers = {
        'content-type': contentType,
        'grpc-accept-encoding': acceptedEncodings,
        ...toHeaders(status.metadata, {}),
        ...statusHeaders(status),
      };
      exchange.respond(httpStatus === undefined || httpStatus === 404 ? 200 : httpStatus, headers, { only: true });
      return;
    }
    if (!this.#opened) this.open(status.metadata);
    this.#trailers = statusHeaders(status);
    exchange.output.end();
  }
}

/** Nothing is lost where a client takes it for trailers. */
function hasTraceOnly(metadata: CallMetadata): boolean {
  for (const [key] of metadata) if (key !== 'portico-trace-id') return false;
  return true;
}
