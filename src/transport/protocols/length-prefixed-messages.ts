import type { ArrivedBytes } from './receive-buffer.ts';
import { cutShort, notOne, tooLarge } from './request-body-faults.ts';

/**
 * A message of a stream with its flags: gRPC over HTTP/2, "Length-Prefixed-Message"; the Connect protocol's
 * "Enveloped-Message".
 */
export type Frame = { readonly flags: number; readonly bytes: Buffer };

/** Flag of a compressed message, in all protocols. */
export const compressedFlag = 1;
/** Flags, one byte, and the length, four. */
export const headBytes = 5;

/** A message of that length at most is kept with its frame. Bytes. */
const keptBytesMax = 65_536;
let kept: { readonly flags: number; readonly bytes: Uint8Array; readonly framed: Buffer } | undefined;

/** One frame as bytes. An event goes to many clients, one after the other: they share its frame. */
export function frame(flags: number, bytes: Uint8Array): Buffer {
  if (kept?.bytes === bytes && kept.flags === flags) return kept.framed;
  const framed = framedAnew(flags, bytes);
  if (bytes.byteLength <= keptBytesMax) kept = { flags, bytes, framed };
  return framed;
}

function framedAnew(flags: number, bytes: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(headBytes + bytes.byteLength);
  framed[0] = flags;
  framed.writeUInt32BE(bytes.byteLength, 1);
  framed.set(bytes, headBytes);
  return framed;
}

/**
 * The only frame of a body.
 * @throws Fault when there is none or several, or it is cut short or larger than `bytesMax`
 */
export function onlyFrame(body: Buffer, bytesMax: number): Frame {
  if (body.length === 0) throw notOne('none');
  if (body.length < headBytes) throw cutShort();
  const length = body.readUInt32BE(1);
  if (length > bytesMax) throw tooLarge(bytesMax);
  const end = headBytes + length;
  if (body.length < end) throw cutShort();
  if (body.length > end) throw notOne('several');
  return { flags: body[0] ?? 0, bytes: body.subarray(headBytes) };
}

/** Extracts the next frame of a body, once it is complete. @throws Fault as soon as its length is above `bytesMax` */
export function nextFrame(arrived: ArrivedBytes, bytesMax: number): Frame | undefined {
  if (arrived.length < headBytes) return undefined;
  let length = 0;
  for (let at = 1; at < headBytes; at++) length = length * 256 + arrived.byteAt(at);
  if (length > bytesMax) throw tooLarge(bytesMax);
  if (arrived.length < headBytes + length) return undefined;
  return { flags: arrived.byteAt(0), bytes: arrived.take(headBytes + length).subarray(headBytes) };
}
