import { Metadata } from 'nice-grpc-common';
import { clip } from './text.ts';

/** Most bytes of a text. It travels percent-coded in a header, and clients accept 8 KiB of headers or more. */
const textBytesMax = 4_096;

/**
 * A gRPC status as it leaves the house, or as an upstream sent it. The errors interceptor makes these from Faults; a forwarded call's pass through untouched.
 * Its text is well-formed, whoever wrote it, because every edge codes it for a header, and ill-formed text makes that coding throw.
 * `trailers` holds `grpc-status-details-bin` (an encoded google.rpc.Status) where there are details.
 */
export class StatusError extends Error {
  /** 1 to 16. */
  readonly code: number;
  readonly trailers: Metadata;
  /** Initial metadata that was received before the error, if any. */
  readonly metadata: Metadata;
  constructor(
    code: number,
    message: string,
    { trailers = Metadata(), metadata = Metadata(), cause }: { trailers?: Metadata; metadata?: Metadata; cause?: unknown } = {},
  ) {
    super(clip(message, textBytesMax), { cause });
    this.name = 'StatusError';
    this.code = Number.isInteger(code) && code >= 1 && code <= 16 ? code : 2; // what is no code of an error is UNKNOWN
    this.trailers = trailers;
    this.metadata = metadata;
  }
}
