import { Fault } from '../kit/fault.ts';
import type { MessageCodec } from '../kit/ts-proto.ts';

/**
 * A request as a screen or a stream gets it.
 * @throws Fault CALL_MALFORMED for values that its type in TypeScript cannot hold, such as a time after the year 275760
 */
export function readRequest<T>(codec: MessageCodec<T>, bytes: Uint8Array): T {
  try {
    return codec.decode(bytes);
  } catch (cause) {
    throw new Fault('CALL_MALFORMED', 'The request has a value that cannot be decoded.', { cause });
  }
}
