import { Metadata } from 'nice-grpc-common';
import type { StatusName } from '../../kit/reasons.ts';
import { StatusError } from '../../kit/status-error.ts';

/** Failures that concern one caller, and not the calls that joined its flight. */
export const neverShared: ReadonlySet<StatusName> = new Set(['CANCELLED', 'UNAUTHENTICATED']);

/** The same error for another call: metadata and trailers are its own, because those around may add to them. */
export function copyOf(error: unknown): unknown {
  if (!(error instanceof StatusError)) return error;
  const { code, message, trailers, metadata } = error;
  return new StatusError(code, message, { trailers: Metadata(trailers), metadata: Metadata(metadata), cause: error });
}
