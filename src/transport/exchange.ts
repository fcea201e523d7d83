import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import type { Readable, Writable } from 'node:stream';
import type { Peer } from '../core/ports/call.ts';
import type { AbuseReason } from './http/transport-metrics.ts';

/** One HTTP request and its response, on either version. Every protocol uses it. */
export type Exchange = {
  readonly version: 1 | 2;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** The query without the `?`, or "". */
  readonly query: string;
  /** With HTTP/2 including pseudo headers. */
  readonly headers: IncomingHttpHeaders;
  /** Names and values alternating, as received. */
  rawHeaders: readonly string[];
  readonly peer: Peer;
  /** The bytes of the request's body. */
  readonly input: Readable;
  /** The bytes of the answer's body, after `respond`. */
  readonly output: Writable;
  /** @returns false when the client needs time to read: `output` then emits "drain" */
  write(bytes: Uint8Array): boolean;
  /** For how long no byte of those that wait has left, in milliseconds, to the second; 0: none waits. */
  readonly stuckForMs: number;
  /** Writes the last bytes of the body. */
  end(bytes: Uint8Array): void;
  /** Headers that are added to every response, for CORS. */
  also: ((headers: OutgoingHttpHeaders) => void) | undefined;
  /**
   * Sends the response headers; nothing if the client has disconnected.
   * @param headers are modified
   */
  respond(status: number, headers: OutgoingHttpHeaders, how?: RespondHow): void;
  /** Whether the request has ended. */
  isWhole(): boolean;
  /** Whether the client has disconnected. */
  isClosed(): boolean;
  /** Its call, unless it was refused before. */
  running: { failed(error: unknown): void } | undefined;
  /** The budget of a status with its text, details and metadata. */
  readonly statusBytesMax: number;
  /** Reports why something of this client was refused or ended. */
  report(reason: AbuseReason): void;
  /** Ends the exchange, because its request was not complete in time. */
  tooLate(): void;
};

export type RespondHow = {
  /** The response consists of headers only. */
  readonly only?: boolean;
  /** Called when the body has ended. On HTTP/2 only. */
  readonly trailers?: () => OutgoingHttpHeaders;
};
