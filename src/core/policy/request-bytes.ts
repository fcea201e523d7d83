import type { CallKind } from '../kit/plan.ts';
import type { Say } from './say.ts';

/** What a unary method takes when its policy does not say: a screen's request is small, and a decoder's cost grows with what is sent. Bytes. */
export const unaryRequestBytes = 65_536;
/** The same of one message of a stream: uploads come in chunks. Bytes. */
export const streamRequestBytes = 1_048_576;
/** As much as one HTTP/2 session may hold. */
const mostBytes = 16_777_216;

/** @returns the largest request message of a method in bytes; what is wrong is said */
export function requestBytesOf(said: number, kind: CallKind, say: Say): number {
  if (said > mostBytes)
    say('requestBytes', `request_bytes ${said} is out of range: at most ${mostBytes} (16 MiB) is allowed. Send more as a stream.`);
  if (said > 0) return said;
  return kind === 'unary' ? unaryRequestBytes : streamRequestBytes;
}
