import type { OutgoingHttpHeaders } from 'node:http';
import type { Registry } from '@bufbuild/protobuf';
import type { MethodPlan } from '../../core/kit/method-plan.ts';
import { soonThen } from '../../core/kit/soon.ts';
import type { StatusError } from '../../core/kit/status-error.ts';
import type { Answer, CallMetadata } from '../../core/ports/call.ts';
import type { Exchange } from '../exchange.ts';
import type { Codec } from './codec.ts';
import { encoded, type Gzip, gzipFor } from './compress-answer.ts';
import { connectError } from './connect-error.ts';
import { acceptedEncodings, decompress, encodingOf } from './decompress-request.ts';
import { alsoVary, type Pairs, toHeaders } from './metadata-to-headers.ts';
import type { Protocol, Reply } from './protocol.ts';
import { OneRequest } from './unary-request.ts';

/** Unary calls by the Connect protocol ("Unary RPCs"), and therefore JSON by curl: one message is the whole body. */
export function connectUnary(codec: Codec, registry: Registry): Protocol {
  return {
    name: 'connect',
    carries: (kind) => kind === 'unary',
    reply: (exchange) => new ConnectUnaryReply(exchange, codec, registry),
    request: ({ input, headers }, { requestBytes: bytesMax, descriptor }) =>
      new OneRequest({
        input,
        bodyBytesMax: bytesMax,
        bytesMax,
        read: (body) => {
          const encoding = encodingOf(headers['content-encoding']);
          const raw = encoding === undefined ? body : decompress(encoding, body, bytesMax);
          return soonThen(raw, (bytes) => codec.read(descriptor.input, bytes));
        },
      }),
  };
}

const takenTypes = 'application/json, application/proto, application/connect+json, application/connect+proto, application/grpc, application/grpc-web';

/** An etag names the bytes of one representation (RFC 9110, section 8.8.3.3): a compressed one has another. */
const gzipMark = '-gzip"';

export class ConnectUnaryReply implements Reply {
  readonly #exchange: Exchange;
  readonly #codec: Codec;
  readonly #registry: Registry;
  readonly #gzip: Gzip;
  /** Whether the client's `if-none-match` names a compressed answer that it still accepts. */
  readonly #hasGzip: boolean;

  constructor(exchange: Exchange, codec: Codec, registry: Registry) {
    this.#exchange = exchange;
    this.#registry = registry;
    this.#codec = codec;
    const { headers } = exchange;
    const known = headers['if-none-match'];
    this.#gzip = gzipFor(headers['accept-encoding']);
    this.#hasGzip = this.#gzip !== 'never' && (known?.includes(gzipMark) ?? false);
    if (known !== undefined && this.#hasGzip) headers['if-none-match'] = known.replaceAll(gzipMark, '"'); // the cache uses the etag of the uncompressed answer
  }

  one(plan: MethodPlan, { metadata, trailers, forms }: Answer, body: Uint8Array): void {
    const isGet = this.#exchange.method === 'GET';
    const headers = toHeaders(metadata, {});
    toHeaders(connectMetadata(trailers), headers, 'trailer-');
    if (isGet) alsoVary(headers, 'accept-encoding');
    if (headers['portico-not-modified'] === '1') {
      if (this.#hasGzip) markEtag(headers);
      // A real 304 (RFC 9110, section 15.4.5), so that the caches of URLSession and OkHttp understand.
      if (isGet) {
        this.#exchange.respond(304, headers, { only: true });
        return;
      }
    }
    const { bytes, compressed } = encoded(this.#codec, plan, body, { gzip: this.#gzip, forms }); // may throw
    headers['content-type'] = `application/${this.#codec.name}`;
    if (compressed) {
      headers['content-encoding'] = 'gzip';
      markEtag(headers);
      if (!isGet) alsoVary(headers, 'accept-encoding');
    }
    this.#send(200, headers, bytes);
  }

  open(): void {
    throw new Error('A unary answer is no stream.');
  }
  message(): boolean {
    throw new Error('A unary answer is no stream.');
  }
  close(): void {
    throw new Error('A unary answer is no stream.');
  }

  fail(status: StatusError, bytesMax: number): void {
    const { httpStatus, error } = connectError(status, this.#registry, bytesMax);
    if (httpStatus === 405 || httpStatus === 415) {
      // An error of HTTP: Connect's clients derive the code from the HTTP status ("HTTP to error code").
      const named = httpStatus === 405 ? { allow: 'POST' } : { 'accept-post': takenTypes };
      this.#send(httpStatus, { 'content-type': 'text/plain; charset=utf-8', ...named }, Buffer.from(`${status.message}\n`));
      return;
    }
    const headers = toHeaders(status.metadata, { 'content-type': 'application/json' });
    toHeaders(connectMetadata(status.trailers), headers, 'trailer-');
    if (httpStatus === 501) headers['accept-encoding'] = acceptedEncodings;
    this.#send(httpStatus, headers, Buffer.from(JSON.stringify(error)));
  }

  #send(httpStatus: number, headers: OutgoingHttpHeaders, body: Uint8Array): void {
    headers['content-length'] = body.byteLength;
    this.#exchange.respond(httpStatus, headers);
    if (!this.#exchange.isClosed()) this.#exchange.end(body);
  }
}

function markEtag(headers: OutgoingHttpHeaders): void {
  const { etag } = headers;
  if (typeof etag === 'string' && etag.endsWith('"')) headers.etag = etag.slice(0, -1) + gzipMark;
}

/** The error itself contains the details. */
function connectMetadata(trailers: CallMetadata): Pairs {
  return trailers.has('grpc-status-details-bin') ? [...trailers].filter(([key]) => key !== 'grpc-status-details-bin') : trailers;
}

/** Trailers of a stream. */
export function connectTrailers(trailers: CallMetadata): OutgoingHttpHeaders {
  return toHeaders(connectMetadata(trailers), {});
}
