import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import type { Readable, Writable } from 'node:stream';
import type { Peer } from '../ports/call.ts';

/** One request of HTTP and its answer, on either version. Every protocol is written over it. */
export type Exchange = {
  readonly version: 1 | 2;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** What stands after the `?`, or "". */
  readonly query: string;
  /** Of HTTP/2 the pseudo headers, too. */
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
  readonly peer: Peer;
  /** The bytes of the request's body. */
  readonly input: Readable;
  /** The bytes of the answer's body, after `respond`. */
  readonly output: Writable;
  /** Adds to the headers of whatever is answered: what CORS says. */
  also: ((headers: OutgoingHttpHeaders) => void) | undefined;
  /**
   * Sends the answer's headers; nothing when the client has left.
   * @param headers are changed
   */
  respond(status: number, headers: OutgoingHttpHeaders, how?: RespondHow): void;
  /** Whether the request has come to its end. */
  isWhole(): boolean;
  /** Whether there is nobody to answer any more. */
  isClosed(): boolean;
  /** Ends the exchange, because its request has not come whole in time. */
  tooLate(): void;
};

export type RespondHow = {
  /** The headers are all. */
  readonly only?: boolean;
  /** Asked when the body has ended. On HTTP/2 only. */
  readonly trailers?: () => OutgoingHttpHeaders;
};

/** How long the rest of a request may come after its answer, before it is refused. Whole milliseconds. */
export const restMs = 1_000;
