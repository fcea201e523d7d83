import type { OutgoingHttpHeaders } from 'node:http';
import { base64Chunks } from '../../core/kit/base64.ts';
import type { MethodPlan } from '../../core/kit/method-plan.ts';
import type { StatusError } from '../../core/kit/status-error.ts';
import type { Answer, CallMetadata } from '../../core/ports/call.ts';
import type { Exchange } from '../exchange.ts';
import type { Codec } from './codec.ts';
import { encodedFrame, formsOfMessage, type Gzip, gzipFor } from './compress-answer.ts';
import { acceptedEncodings } from './decompress-request.ts';
import { framedRequest } from './framed-request.ts';
import { statusHeaders } from './grpc-and-http-status.ts';
import { frame } from './length-prefixed-messages.ts';
import { toHeaders } from './metadata-to-headers.ts';
import type { Protocol, Reply } from './protocol.ts';

/** Flag of the frame with trailers. */
const trailersFlag = 128;

/**
 * gRPC-Web (grpc/grpc, doc/PROTOCOL-WEB.md): gRPC with trailers in the body, for browsers.
 * @param isText the body is base64 in both directions
 */
export function grpcWeb(codec: Codec, isText: boolean): Protocol {
  const form = { codec, encodingHeader: 'grpc-encoding', ...(isText && { text: base64Chunks }) } as const;
  return {
    name: 'grpc-web',
    carries: () => true,
    reply: (exchange) => new GrpcWebReply(exchange, codec, isText),
    request: (exchange, plan) => framedRequest(exchange, plan, form),
  };
}

class GrpcWebReply implements Reply {
  readonly #exchange: Exchange;
  readonly #codec: Codec;
  readonly #isText: boolean;
  readonly #gzip: Gzip;
  #opened = false;

  constructor(exchange: Exchange, codec: Codec, isText: boolean) {
    this.#exchange = exchange;
    this.#codec = codec;
    this.#isText = isText;
    this.#gzip = gzipFor(exchange.headers['grpc-accept-encoding']);
  }

  one(plan: MethodPlan, { metadata, trailers, forms }: Answer, body: Uint8Array): void {
    const message = encodedFrame(this.#codec, plan, body, { gzip: this.#gzip, forms }); // may throw
    this.open(metadata);
    this.#write(message);
    this.close(trailers);
  }

  open(metadata: CallMetadata): void {
    const headers: OutgoingHttpHeaders = { 'content-type': this.#contentType() };
    if (this.#gzip !== 'never') headers['grpc-encoding'] = 'gzip';
    this.#exchange.respond(200, toHeaders(metadata, headers));
    this.#opened = true; // unless that threw
  }

  message(plan: MethodPlan, bytes: Uint8Array): boolean {
    return this.#write(encodedFrame(this.#codec, plan, bytes, { gzip: this.#gzip, forms: formsOfMessage(plan, bytes) }));
  }

  close(trailers: CallMetadata): void {
    this.#end(toHeaders(trailers, { 'grpc-status': '0' }));
  }

  fail(status: StatusError): void {
    if (this.#opened) {
      this.#end(statusHeaders(status));
      return;
    }
    // Trailers-Only: clients read the status from the headers.
    const own = { 'content-type': this.#contentType(), 'grpc-accept-encoding': acceptedEncodings };
    this.#exchange.respond(200, { ...toHeaders(status.metadata, {}), ...statusHeaders(status), ...own }, { only: true });
  }

  #contentType(): string {
    return `application/grpc-web${this.#isText ? '-text' : ''}+${this.#codec.name}`;
  }

  #write(bytes: Buffer): boolean {
    return this.#exchange.write(this.#isText ? Buffer.from(bytes.toString('base64'), 'latin1') : bytes);
  }

  #end(trailers: OutgoingHttpHeaders): void {
    const lines = Object.entries(trailers).flatMap(([key, value]) => (Array.isArray(value) ? value : [value]).map((one) => `${key}: ${one}\r\n`));
    this.#write(frame(trailersFlag, Buffer.from(lines.join(''))));
    this.#exchange.output.end();
  }
}
