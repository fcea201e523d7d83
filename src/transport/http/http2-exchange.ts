import { constants, type IncomingHttpHeaders, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Peer } from '../../core/ports/call.ts';
import type { Exchange, RespondHow } from '../exchange.ts';
import { type Connection, Outgoing } from './http-connection.ts';
import { manyStreams } from './http2-limits.ts';
import { type RequestTimeouts, restMs, restShortMs } from './request-timeouts.ts';

type Received = { readonly headers: IncomingHttpHeaders; readonly rawHeaders: readonly string[] };

/** A stream of HTTP/2 as an exchange. A class, because every call makes one. Its states are those of the stream. */
export class Http2Exchange extends Outgoing implements Exchange {
  readonly version = 2;
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: IncomingHttpHeaders;
  rawHeaders: readonly string[];
  readonly peer: Peer;
  readonly input: ServerHttp2Stream;
  readonly output: ServerHttp2Stream;
  readonly #times: RequestTimeouts;
  also: Exchange['also'];

  constructor(stream: ServerHttp2Stream, { headers, rawHeaders }: Received, connection: Connection, times: RequestTimeouts) {
    super(connection);
    const target = headers[':path'] ?? '';
    const at = target.indexOf('?');
    this.method = headers[':method'] ?? '';
    this.path = at < 0 ? target : target.slice(0, at);
    this.query = at < 0 ? '' : target.slice(at + 1);
    this.headers = headers;
    this.rawHeaders = rawHeaders;
    this.peer = connection.parts.peer;
    this.input = stream;
    this.output = stream;
    this.#times = times;
  }

  respond(status: number, headers: OutgoingHttpHeaders, { only = false, trailers }: RespondHow = {}): void {
    const { output } = this;
    if (this.isClosed()) return;
    this.also?.(headers);
    headers[':status'] = status;
    if (trailers !== undefined) {
      output.respond(headers, { waitForTrailers: true }); // may throw: then nothing has been sent
      output.on('wantTrailers', () => output.sendTrailers(trailers()));
    } else output.respond(headers, { endStream: only });
    if (!this.isWhole()) output.on('finish', () => this.#refuseRest());
  }

  isWhole(): boolean {
    return this.input.readableEnded || this.input.endAfterHeaders || this.input.destroyed;
  }

  isClosed(): boolean {
    return this.output.destroyed || this.output.closed;
  }

  tooLate(): void {
    this.output.close(constants.NGHTTP2_CANCEL);
  }

  /** gRPC over HTTP/2, "HTTP2 Transport Mapping": clients read it as RESOURCE_EXHAUSTED. */
  cut(): void {
    this.output.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  /**
   * The rest of an answered request is read and discarded for a short time; then the client is asked to stop (RFC 9113,
   * section 8.1). The time is shorter where many streams are open: their places are what the client needs next.
   */
  #refuseRest(): void {
    const { input } = this;
    if (this.isWhole()) return;
    for (const event of ['data', 'readable']) input.removeAllListeners(event); // of the reader, which would pause the stream again
    input.on('data', () => {}).resume(); // without a listener Node 24 stops a stream that flows when those of 'readable' are removed
    const forget = this.#times.watch(
      { isWhole: () => this.isWhole(), end: () => this.#endRest() },
      this.connection.open.length > manyStreams ? restShortMs : restMs,
    );
    input.once('close', forget);
  }

  #endRest(): void {
    this.report('rest_refused');
    this.input.close(constants.NGHTTP2_NO_ERROR);
  }
}
