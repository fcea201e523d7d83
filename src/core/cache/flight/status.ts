import { Metadata } from 'nice-grpc-common';
import { Fault, type StatusName } from '../../kit/fault.ts';
import { StatusError } from '../../kit/status-error.ts';
import { type Reasons, statusOf } from '../../kit/status-of.ts';

const unsaid: ReadonlySet<StatusName> = new Set(['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'INTERNAL', 'UNKNOWN', 'DATA_LOSS']);
/**
 * Whether a failure says nothing about what was asked for, so that an old answer is better than none. An open breaker
 * is UNAVAILABLE. A service that refuses the call has answered, though the client receives INTERNAL: a user who lost
 * access gets no old answer.
 */
export function staleMayHelp(error: unknown, reasons: Reasons): boolean {
  return unsaid.has(statusOf(error, reasons)) && !(error instanceof Fault && error.reason === 'UPSTREAM_REFUSED');
}
/** What one caller's computation may meet that says nothing to those who joined it. */
export const neverShared: ReadonlySet<StatusName> = new Set(['CANCELLED', 'UNAUTHENTICATED']);
/**
 * Ends of a write after which it may have been done (RFC 9111, 4.4, invalidates after every answer to a write that is
 * no error).
 */
export const mayHaveHappened: ReadonlySet<StatusName> = new Set(['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'CANCELLED', 'UNKNOWN', 'INTERNAL']);

/** The same error for another call: metadata and trailers are its own, because those around may add to them. */
export function copyOf(error: unknown): unknown {
  if (!(error instanceof StatusError)) return error;
  const { code, message, trailers, metadata } = error;
  return new StatusError(code, message, { trailers: Metadata(trailers), metadata: Metadata(metadata), cause: error });
}
