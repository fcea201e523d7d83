import { Fault } from './fault.ts';
import type { MessageCodec } from './ts-proto.ts';

/**
 * A request as a handler gets it.
 * @throws Fault CALL_MALFORMED for values that its type in TypeScript cannot hold, such as a time after the year 9999
 */
export function readRequest<T>(codec: MessageCodec<T>, bytes: Uint8Array): T {
  try {
    return codec.decode(bytes);
  } catch (cause) {
    throw new Fault('CALL_MALFORMED', 'The request has a value that cannot be decoded.', { cause });
  }
}
