import { Metadata } from 'nice-grpc-common';

/**
 * A gRPC status as it leaves the house, or as an upstream sent it. The errors interceptor makes these from Faults; a forwarded call's pass through untouched.
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
    super(message, { cause });
    this.name = 'StatusError';
    this.code = code;
    this.trailers = trailers;
    this.metadata = metadata;
  }
}
