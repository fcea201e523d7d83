// Checks what clients receive. Equal messages are read once: the others are compared with it byte by byte.
import { payloadOf } from './event.ts';

export type Checked = {
  /** The number of events in it that were good, from the expected one on; 0: it is wrong. */
  count(message: Buffer, expected: number): number;
};

/** @param payloadsOf the payloads in a message, in order */
export function checker(payloadsOf: (message: Buffer) => readonly Uint8Array[]): Checked {
  let last = { message: Buffer.alloc(0), first: -1, count: 0 };
  return {
    count: (message, expected) => {
      if (last.first === expected && message.equals(last.message)) return last.count;
      const payloads = payloadsOf(message);
      for (const [i, payload] of payloads.entries()) if (!payloadOf(expected + i).equals(payload)) return 0;
      last = { message: Buffer.from(message), first: expected, count: payloads.length };
      return payloads.length;
    },
  };
}
