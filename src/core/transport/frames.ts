import { cutShort, notOne, tooLarge } from './request-faults.ts';

/** A message of a stream with its flags: gRPC over HTTP/2, "Length-Prefixed-Message"; the Connect protocol's "Enveloped-Message". */
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
 * The one frame that a body is.
 * @throws Fault when it is none, several, cut short or larger than `bytesMax`
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

/** Takes frames out of a body as it comes. A class for what it keeps: the bytes of a frame that is not whole yet. */
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

  /** Whether no part of a frame waits for the rest. */
  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** @throws Fault when the next frame is larger than `bytesMax`, as soon as its length is there */
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
