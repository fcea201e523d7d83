import type { CallKind } from '../kit/method-plan.ts';
import type { Report } from './policy-errors.ts';

/**
 * The default limit of a unary method's request: a screen's request is small, and a decoder's cost grows with the size.
 * Bytes.
 */
export const unaryRequestBytes = 65_536;
/** The default limit of one message of a stream: uploads are chunked. Bytes. */
export const streamRequestBytes = 1_048_576;
/** The memory limit of one HTTP/2 session. */
const mostBytes = 16_777_216;

/** @returns the largest request message of a method in bytes; errors are reported */
export function requestBytesOf(requested: number, kind: CallKind, report: Report): number {
  if (requested > mostBytes)
    report('requestBytes', `request_bytes ${requested} is out of range: at most ${mostBytes} (16 MiB) is allowed. Send more as a stream.`);
  if (requested > 0) return requested;
  return kind === 'unary' ? unaryRequestBytes : streamRequestBytes;
}
