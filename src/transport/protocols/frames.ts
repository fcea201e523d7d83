import { cutShort, notOne, tooLarge } from './request-faults.ts';

/**
 * A message of a stream with its flags: gRPC over HTTP/2, "Length-Prefixed-Message"; the Connect protocol's
 * "Enveloped-Message".
 */
export type Frame = { readonly flags: number; readonly bytes: Buffer };

/** Flag of a compressed message, in all protocols. */
export const compressedFlag = 1;
/** Flags, one byte, and the length, four. */
export const headBytes = 5;

/** One frame as bytes. */
export function frame(flags: number, bytes: Uint8Array): Buffer {
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

/** Extracts frames from a body as it arrives. A class, because it stores the bytes of an incomplete frame. */
export class FrameReader {
  readonly #bytesMax: number;
  #chunks: Buffer[] = [];
  #length = 0;

  /** @param bytesMax of one message */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** Whether no frame is incomplete. */
  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** @throws Fault when the next frame is larger than `bytesMax`, as soon as its length has arrived */
  next(): Frame | undefined {
    if (this.#length < headBytes) return undefined;
    let first = this.#chunks[0] as Buffer;
    if (first.length < headBytes) first = this.#joined();
    const length = first.readUInt32BE(1);
    if (length > this.#bytesMax) throw tooLarge(this.#bytesMax);
    const end = headBytes + length;
    if (this.#length < end) return undefined;
    if (first.length < end) first = this.#joined();
    this.#length -= end;
    if (first.length === end) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(end);
    return { flags: first[0] ?? 0, bytes: first.subarray(headBytes, end) };
  }

  #joined(): Buffer {
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [all];
    return all;
  }
}
