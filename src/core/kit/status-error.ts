import { Metadata } from 'nice-grpc-common';
import { clip } from './clip-text.ts';
import { Fault } from './fault.ts';
import { type StatusName, statusCodes } from './reasons.ts';

/**
 * The largest number of bytes of a text. A header carries it percent-coded, and clients accept 8 KiB of headers or
 * more.
 */
const textBytesMax = 4_096;

/**
 * A gRPC status as it is sent, or as an upstream sent it. The errors interceptor creates it from a Fault. The status of
 * a forwarded call passes unchanged. Its text is well-formed, whoever wrote it, because every edge codes it for a
 * header, and ill-formed text makes that coding throw. `trailers` holds `grpc-status-details-bin` (an encoded
 * google.rpc.Status) where there are details.
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
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0; // as of a Fault: its cause has the stack of a defect
    super(clip(message, textBytesMax), { cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.name = 'StatusError';
    this.code = Number.isInteger(code) && code >= 1 && code <= 16 ? code : 2; // any other value is UNKNOWN
    this.trailers = trailers;
    this.metadata = metadata;
  }
}

/** Status by reason: core's reasons, and the company's own. */
export type Reasons = Readonly<Record<string, StatusName>>;

const nameOf = new Map<number, StatusName>(Object.entries(statusCodes).map(([name, code]) => [code, name as StatusName]));

/**
 * The status of an error in an answer: of a Fault by its reason, of an upstream error its own, of any other error
 * INTERNAL.
 */
export function statusOf(error: unknown, reasons: Reasons): StatusName {
  if (error instanceof StatusError) return nameOf.get(error.code) ?? 'UNKNOWN';
  return error instanceof Fault && Object.hasOwn(reasons, error.reason) ? (reasons[error.reason] as StatusName) : 'INTERNAL';
}
