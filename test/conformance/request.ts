import type { ReadyCall } from '../../src/core/ports/call.ts';

/** The message of a call that takes one. */
export async function messageOf({ requestBytes }: ReadyCall): Promise<Uint8Array> {
  return requestBytes;
}

/** The messages of a call that takes a stream. */
export function messagesOf({ request }: ReadyCall): AsyncIterable<Uint8Array> {
  return request.each();
}
