// Messages as the suite's programs exchange them: four bytes of length, then the message.
import type { Readable } from 'node:stream';

export function delimited(message: Uint8Array): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(message.length);
  return Buffer.concat([head, message]);
}

/** @throws Error when the stream ends before a whole message */
export async function readDelimited(stream: Readable): Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    bytes = Buffer.concat([bytes, chunk as Buffer]);
    if (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32BE(0)) return bytes.subarray(4, 4 + bytes.readUInt32BE(0));
  }
  throw new Error('The stream ended before a whole message.');
}
