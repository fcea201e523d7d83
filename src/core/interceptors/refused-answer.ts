import { Metadata } from 'nice-grpc-common';
import type { Answer } from '../ports/call.ts';

/** Of no answer, so nobody writes to it. */
const none = Metadata();
const noBytes = new Uint8Array(0);

/** The answer of a refused call. */
export function refused(error: NonNullable<Answer['refused']>): Answer {
  return { metadata: none, body: noBytes, trailers: none, refused: error };
}

/** The answer, for a reader to which errors are thrown. */
export function notRefused(answer: Answer): Answer {
  if (answer.refused !== undefined) throw answer.refused;
  return answer;
}
