import type { OutgoingHttpHeaders } from 'node:http';
import type { Registry } from '@bufbuild/protobuf';
import type { MethodPlan } from '../../core/kit/method-plan.ts';
import type { StatusError } from '../../core/kit/status-error.ts';
import type { Answer, CallMetadata } from '../../core/ports/call.ts';
import type { Exchange } from '../exchange.ts';
import type { Codec } from './codec.ts';
import { encodedFrame, formsOfMessage, type Gzip, gzipFor } from './compress-answer.ts';
import { connectError } from './connect-error.ts';
import { ConnectUnaryReply, connectTrailers } from './connect-unary.ts';
import { acceptedEncodings } from './decompress-request.ts';
import { framedRequest } from './framed-request.ts';
import { httpStatusOf } from './grpc-and-http-status.ts';
import { frame } from './length-prefixed-messages.ts';
import { toHeaders } from './metadata-to-headers.ts';
import type { Protocol, Reply } from './protocol.ts';

/** Connect protocol, "EndStreamResponse". */
const endFlag = 2;

/** Streams by the Connect protocol ("Streaming RPCs"). */
export function connectStream(codec: Codec, registry: Registry): Protocol {
  const form = { codec, encodingHeader: 'connect-content-encoding' } as const;
  return {
    name: 'connect',
    carries: (kind) => kind !== 'unary',
    reply: (exchange) => new ConnectStreamReply(exchange, codec, registry),
    request: (exchange, plan) => framedRequest(exchange, plan, form),
  };
}

class ConnectStreamReply implements Reply {
  readonly #exchange: Exchange;
  readonly #codec: Codec;
  readonly #registry: Registry;
  readonly #gzip: Gzip;
  #opened = false;

  constructor(exchange: Exchange, codec: Codec, registry: Registry) {
    this.#exchange = exchange;
    this.#registry = registry;
    this.#codec = codec;
    this.#gzip = gzipFor(exchange.headers['connect-accept-encoding']);
  }

  one(plan: MethodPlan, { metadata, trailers, forms }: Answer, body: Uint8Array): void {
    const message = encodedFrame(this.#codec, plan, body, { gzip: this.#gzip, forms }); // may throw
    this.open(metadata);
    this.#exchange.write(message);
    this.close(trailers);
  }

  open(metadata: CallMetadata): void {
    const headers: OutgoingHttpHeaders = { 'content-type': `application/connect+${this.#codec.name}`, 'connect-accept-encoding': acceptedEncodings };
    if (this.#gzip !== 'never') headers['connect-content-encoding'] = 'gzip';
    this.#exchange.respond(200, toHeaders(metadata, headers));
    this.#opened = true; // unless that threw
  }

  message(plan: MethodPlan, bytes: Uint8Array): boolean {
    return this.#exchange.write(encodedFrame(this.#codec, plan, bytes, { gzip: this.#gzip, forms: formsOfMessage(plan, bytes) }));
  }

  close(trailers: CallMetadata): void {
    this.#end({ metadata: connectTrailers(trailers) });
  }

  /**
   * The last message of a stream carries its error, with HTTP status 200: from any other status clients derive a code,
   * and read no details. A request that is not a call of this protocol is refused with an HTTP status.
   */
  fail(status: StatusError, bytesMax: number): void {
    const httpStatus = httpStatusOf(status);
    if (!this.#opened && httpStatus !== undefined && httpStatus !== 404)
      new ConnectUnaryReply(this.#exchange, this.#codec, this.#registry).fail(status, bytesMax);
    else {
      if (!this.#opened) this.open(status.metadata);
      this.#end({ error: connectError(status, this.#registry, bytesMax).error, metadata: connectTrailers(status.trailers) });
    }
  }

  #end({ error, metadata }: { readonly error?: object; readonly metadata: OutgoingHttpHeaders }): void {
    const lists = Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, Array.isArray(value) ? value : [value]]));
    const last = { ...(error && { error }), ...(Object.keys(lists).length > 0 && { metadata: lists }) };
    this.#exchange.end(frame(endFlag, Buffer.from(JSON.stringify(last))));
  }
}
